// Closeness to the input against size of the change, as in the InstructPix2Pix paper's figure: one line
// per guidance_scale, along image_guidance_scale, with the Pareto front. Any two numbers can take their place.

const CLOSENESS = /ssim|similarity|closeness/;
const CHANGE = /change/;
/** The axes of that figure, where a run was measured with CLIP and captions. */
const PAPER = { x: "clip_direction_similarity", y: "clip_image_similarity" };

/** What the plot shows unless told otherwise. */
function tradeoffChoice() {
  const closeness = plottable.find((key) => CLOSENESS.test(key));
  const change = plottable.find((key) => CHANGE.test(key));
  const scales = ["guidance_scale", "image_guidance_scale"].filter((key) => varying.includes(key));
  const lines = scales[0] ?? varying.find((key) => !NUMERIC_PARAMETERS.includes(key)) ?? "";
  const isOfPaper = plottable.includes(PAPER.x) && plottable.includes(PAPER.y);
  const usual = isOfPaper ? PAPER : closeness && change ? { x: change, y: closeness } : { x: scales[1] ?? scales[0] ?? plottable[0], y: change ?? plottable[0] };
  return {
    x: plottable.includes(state.x) ? state.x : usual.x,
    y: plottable.includes(state.y) ? state.y : usual.y,
    lines: varying.includes(state.lines) ? state.lines : lines,
  };
}

function tradeoffFigure() {
  const choice = tradeoffChoice();
  const numbers = plottable.map((key) => [key, label(key)]);
  return plotFigure("tradeoff", "Change and closeness", [
    selectField("Across", numbers, choice.x, (x) => update({ x }), "plot-x"),
    selectField("Up", numbers, choice.y, (y) => update({ y }), "plot-y"),
    selectField("One line per", varying.map((key) => [key, key]), choice.lines, (lines) => update({ lines }), "plot-lines"),
  ]);
}

function drawTradeoff(figure) {
  const { x, y, lines } = tradeoffChoice();
  const cells = shownCells(state).filter((cell) => numberOf(cell, x) !== undefined && numberOf(cell, y) !== undefined);
  const canvas = figure.querySelector(".canvas");
  if (!cells.length) return canvas.replaceChildren(element("p", { class: "empty", text: "No cell has both numbers yet." }));
  const series = tradeoffSeries(cells, x, y, lines);
  const drawing = chart(plotWidth(figure), {
    title: `${label(y)} against ${label(x)}`,
    x: { domain: extent(cells.map((cell) => numberOf(cell, x))), label: label(x) },
    y: { domain: extent(cells.map((cell) => numberOf(cell, y))), label: label(y) },
  });
  const points = series.flatMap((line) => line.points);
  const front = isMeasured(x) && isMeasured(y) && x !== y ? paretoFront(points, x, y) : [];
  drawCells(drawing, cells, x, y, points.length);
  if (front.length > 1) drawing.root.append(svg("path", { class: "front", d: path(front.map((point) => [drawing.toX(point.x), drawing.toY(point.y)])) }));
  series.forEach((line, index) => drawSeries(drawing, line, orderedColour(index, series.length), front));
  const legend = lines ? seriesLegend(lines, series) : undefined;
  showDrawing(canvas, drawing.root, legend);
  figure.querySelector(".note").textContent = tradeoffWords(series, cells, front, x, y);
}

/** Mean points of each line, in the order of the other scale. */
function tradeoffSeries(cells, x, y, lines) {
  const along = NUMERIC_PARAMETERS.find((key) => key !== lines && key !== "seed" && varying.includes(key)) ?? varying.find((key) => key !== lines);
  const byLine = groupBy(cells, (cell) => (lines ? valueIndex(cell, lines) : 0));
  return [...byLine.entries()].sort(([one], [other]) => one - other).map(([index, ofLine]) => {
    const byPoint = groupBy(ofLine, (cell) => (along ? valueIndex(cell, along) : cell.key));
    const points = [...byPoint.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([at, members]) => ({
      x: mean(members.map((cell) => numberOf(cell, x))),
      y: mean(members.map((cell) => numberOf(cell, y))),
      cells: members,
      words: [lines && `${lines} ${shortValue(lines, valuesOf(lines)[index])}`, along && `${along} ${shortValue(along, valuesOf(along)[at])}`].filter(Boolean).join(", "),
    }));
    return { name: lines ? shortValue(lines, valuesOf(lines)[index]) : "", points };
  });
}

function isMeasured(key) {
  return numberIndex.has(key);
}

/** Time and memory are better low; of change and closeness more is sought. */
function goal(key) {
  return unitOf(key) ? -1 : 1;
}

/** Points that no other point beats in both numbers, from left to right. */
function paretoFront(points, x, y) {
  const isBeaten = (point) => points.some((other) => {
    const [dx, dy] = [(other.x - point.x) * goal(x), (other.y - point.y) * goal(y)];
    return dx >= 0 && dy >= 0 && dx + dy > 0;
  });
  return points.filter((point) => !isBeaten(point)).sort((one, other) => one.x - other.x);
}

/** Single cells, faint, where points are means of several. */
function drawCells({ root, toX, toY }, cells, x, y, points) {
  if (points === cells.length) return;
  const group = svg("g", { class: "single", "aria-hidden": "true" });
  for (const cell of cells) {
    const dot = svg("circle", { cx: toX(numberOf(cell, x)), cy: toY(numberOf(cell, y)), r: 2.5 });
    dot.addEventListener("click", () => openCell(cellIndex.get(cell.key)));
    group.append(dot);
  }
  root.append(group);
}

function drawSeries({ root, toX, toY }, line, colour, front) {
  const group = svg("g", { class: "series", style: { "--colour": colour } });
  group.append(svg("path", { class: "line", d: path(line.points.map((point) => [toX(point.x), toY(point.y)])) }));
  for (const point of line.points) {
    const isFront = front.includes(point);
    const mark = svg("circle", { class: isFront ? "point on-front" : "point", cx: toX(point.x), cy: toY(point.y), r: isFront ? 6 : 4.5 });
    const numbers = `${formatNumber(point.x)} across, ${formatNumber(point.y)} up`;
    const many = point.cells.length > 1 ? `, mean of ${point.cells.length} cells` : "";
    group.append(explain(mark, `${point.words}: ${numbers}${many}${isFront ? ", on the Pareto front" : ""}`, () => openCell(cellIndex.get(point.cells[0].key))));
  }
  root.append(group);
}

function seriesLegend(lines, series) {
  const items = series.map((line, index) => element("li", { style: { "--colour": orderedColour(index, series.length) } }, foreign(line.name)));
  return element("ul", { class: "legend", "aria-label": lines }, element("li", { class: "plain muted", text: lines }), ...items);
}

function tradeoffWords(series, cells, front, x, y) {
  const points = series.reduce((sum, line) => sum + line.points.length, 0);
  const words = [];
  if (points < cells.length) words.push("Large points are means over the parameters that are neither the line nor along it; small ones are single cells.");
  if (front.length) words.push("Ringed points are the Pareto front: no other point is better in both numbers.");
  if (!plottable.some((key) => CLOSENESS.test(key)) && CHANGE.test(y)) words.push("This run has no measure of closeness to set the change against.");
  return words.join(" ");
}
