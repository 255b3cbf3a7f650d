// Closeness to the input against size of the change, as in the InstructPix2Pix paper's figure: the cells of the grid
// as points, one line per guidance_scale, along image_guidance_scale, with the Pareto front. Any two numbers can take
// their place.

const CLOSENESS = /ssim|similarity|closeness/;
const CHANGE = /change/;
/** The axes of that figure, where a run was measured with CLIP and captions. */
const PAPER = { x: "clip_direction_similarity", y: "clip_image_similarity" };
/** What a line can run along; between two seeds there is nothing. */
const ORDERED = NUMERIC_PARAMETERS.filter((key) => key !== "seed");

/** What the plot shows of these cells unless told otherwise: a line is of one value of `lines`, along `along`. */
function tradeoffChoice(cells) {
  const closeness = plottable.find((key) => CLOSENESS.test(key));
  const change = plottable.find((key) => CHANGE.test(key));
  const scales = ["guidance_scale", "image_guidance_scale"].filter((key) => varying.includes(key));
  const isOfPaper = plottable.includes(PAPER.x) && plottable.includes(PAPER.y);
  const usual = isOfPaper ? PAPER : closeness && change ? { x: change, y: closeness } : { x: scales[1] ?? scales[0] ?? plottable[0], y: change ?? plottable[0] };
  const differing = varying.filter((key) => new Set(cells.map((cell) => valueIndex(cell, key))).size > 1);
  const ordered = ORDERED.filter((key) => differing.includes(key));
  const colours = ordered.length > 1 ? ordered[0] : differing.find((key) => !ordered.includes(key));
  const lines = differing.length < 2 ? "" : differing.includes(state.lines) ? state.lines : colours;
  return {
    x: plottable.includes(state.x) ? state.x : usual.x,
    y: plottable.includes(state.y) ? state.y : usual.y,
    differing,
    lines,
    along: ordered.find((key) => key !== lines),
  };
}

function tradeoffFigure() {
  const choice = tradeoffChoice(cellsOf(gridLayout(state)));
  const numbers = plottable.map((key) => [key, label(key)]);
  const lines = choice.differing.map((key) => [key, key]);
  return plotFigure("tradeoff", "Change and closeness", [
    selectField("X axis", numbers, choice.x, (x) => update({ x }), "plot-x"),
    selectField("Y axis", numbers, choice.y, (y) => update({ y }), "plot-y"),
    ...(choice.lines ? [selectField("One line per", lines, choice.lines, (lines) => update({ lines }), "plot-lines")] : []),
  ]);
}

function drawTradeoff(figure) {
  const shown = cellsOf(gridLayout(state));
  const choice = tradeoffChoice(shown);
  const { x, y, lines } = choice;
  const points = shown.map((cell) => ({ cell, x: numberOf(cell, x), y: numberOf(cell, y) })).filter((point) => point.x !== undefined && point.y !== undefined);
  const canvas = figure.querySelector(".canvas");
  if (!points.length) return canvas.replaceChildren(element("p", { class: "empty", text: "No cell has both numbers yet." }));
  const series = tradeoffSeries(points, choice);
  const drawing = chart(plotWidth(figure), {
    title: `${label(y)} against ${label(x)}`,
    x: { domain: extent(points.map((point) => point.x)), label: label(x) },
    y: { domain: extent(points.map((point) => point.y)), label: label(y) },
  });
  const front = goal(x) && goal(y) && x !== y ? paretoFront(points, x, y) : [];
  if (front.length > 1) drawing.root.append(svg("path", { class: "front", d: path(front.map((point) => [drawing.toX(point.x), drawing.toY(point.y)])) }));
  series.forEach((colour, index) => drawSeries(drawing, colour, orderedColour(index, series.length), front, choice));
  const legend = lines ? seriesLegend(lines, series) : undefined;
  showDrawing(canvas, drawing.root, legend);
  figure.querySelector(".note").textContent = tradeoffWords(choice, front);
}

/** Points by colour, those of each colour by line: what is neither the colour nor along the line is the same on a line. */
function tradeoffSeries(points, { differing, lines, along }) {
  const others = differing.filter((key) => key !== lines && key !== along);
  const lineOf = ({ cell }) => (along ? others.map((key) => valueIndex(cell, key)).join(" ") : cell.key);
  const byColour = groupBy(points, ({ cell }) => (lines ? valueIndex(cell, lines) : 0));
  return [...byColour.entries()].sort(([one], [other]) => one - other).map(([index, ofColour]) => ({
    name: lines ? shortValue(lines, valuesOf(lines)[index]) : "",
    lines: [...groupBy(ofColour, lineOf).values()].map((line) => (along ? line.sort((one, other) => numberOf(one.cell, along) - numberOf(other.cell, along)) : line)),
  }));
}

/** 1 where more is better, -1 where less is, as of time and memory; 0 where that is the reader's to say, as of a change. */
function goal(key) {
  if (!numberIndex.has(key)) return 0;
  return unitOf(key) ? -1 : Number(CLOSENESS.test(key));
}

/** Points that no other point beats in both numbers, from left to right. */
function paretoFront(points, x, y) {
  const isBeaten = (point) => points.some((other) => {
    const [dx, dy] = [(other.x - point.x) * goal(x), (other.y - point.y) * goal(y)];
    return dx >= 0 && dy >= 0 && dx + dy > 0;
  });
  return points.filter((point) => !isBeaten(point)).sort((one, other) => one.x - other.x);
}

function drawSeries({ root, toX, toY }, series, colour, front, { x, y }) {
  const group = svg("g", { class: "series", style: { "--colour": colour } });
  for (const line of series.lines) {
    if (line.length > 1) group.append(svg("path", { class: "line", d: path(line.map((point) => [toX(point.x), toY(point.y)])) }));
  }
  for (const point of series.lines.flat()) {
    const isFront = front.includes(point);
    const mark = svg("circle", { class: isFront ? "point on-front" : "point", cx: toX(point.x), cy: toY(point.y), r: isFront ? 6 : 4.5 });
    const numbers = `${label(x)} ${formatNumber(point.x)}, ${label(y)} ${formatNumber(point.y)}`;
    group.append(explain(mark, `${describe(point.cell)}: ${numbers}${isFront ? ", on the Pareto front" : ""}`, () => openCell(cellIndex.get(point.cell.key)), point.cell));
  }
  root.append(group);
}

function seriesLegend(lines, series) {
  const items = series.map((line, index) => element("li", { style: { "--colour": orderedColour(index, series.length) } }, foreign(line.name)));
  return element("ul", { class: "legend", "aria-label": lines }, element("li", { class: "plain muted", text: lines }), ...items);
}

function tradeoffWords({ y, along }, front) {
  const words = [`Points are the cells of the grid as it is chosen above${along ? `, lines run along ${along}` : ""}.`];
  if (front.length) words.push("Ringed points are the Pareto front: no other point is better in both numbers.");
  if (!plottable.some((key) => CLOSENESS.test(key)) && CHANGE.test(y)) words.push("This run has no measure of closeness to set the change against.");
  return words.join(" ");
}
