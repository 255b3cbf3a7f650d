// Where the time goes: stage times of cells, stacked.

const MOST_BARS = 24;

/** The stages that were measured, in the order of the record. */
const stageKeys = data.numbers.filter((key) => key.endsWith("_ms") && key !== "total_ms");

function stagesFigure() {
  const options = [["", "order of the run"], ...varying.map((key) => [key, key])];
  return plotFigure("stage-times", "Time by stage", [selectField("One bar per", options, stageGrouping(), (stages) => update({ stages }), "stage-group")]);
}

function stageGrouping() {
  return varying.includes(state.stages) ? state.stages : "";
}

function drawStages(figure) {
  const shown = new Set(shownCells(state));
  const cells = finishedCells().filter((cell) => shown.has(cell) && stageKeys.some((key) => numberOf(cell, key) !== undefined));
  const canvas = figure.querySelector(".canvas");
  if (!cells.length) return canvas.replaceChildren(element("p", { class: "empty", text: "No time was measured yet." }));
  const { bars, words } = stageBars(cells, stageGrouping());
  const width = plotWidth(figure);
  const left = Math.min(150, width * 0.3);
  const line = bars.length > 20 ? 16 : 24;
  const height = bars.length * line + 40;
  const longest = Math.max(...bars.map((bar) => bar.total)) || 1;
  const toX = scale([0, longest], [left, width - 70]);
  const root = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": "Stage times" });
  bars.forEach((bar, index) => root.append(stageBar(bar, toX, left, index * line, line)));
  for (const tick of ticks([0, longest], Math.max(2, Math.round(width / 160)))) {
    root.append(svg("text", { class: "tick", x: toX(tick), y: height - 22, "text-anchor": "middle", text: formatTick(tick) }));
  }
  root.append(svg("text", { class: "axis-name", x: (left + width - 70) / 2, y: height - 4, "text-anchor": "middle", text: "milliseconds a cell" }));
  showDrawing(canvas, root, stageLegend());
  figure.querySelector(".note").textContent = `${words} Work that cells share, such as encoding their image, counts for the first that needed it.`;
}

/** Bars with the mean of each stage. */
function stageBars(cells, grouping) {
  if (grouping) {
    const groups = [...groupBy(cells, (cell) => valueIndex(cell, grouping)).entries()].sort(([one], [other]) => one - other);
    return { bars: groups.map(([index, members]) => meanStages(shortValue(grouping, valuesOf(grouping)[index]), members)), words: "Means over the cells of each value." };
  }
  const count = Math.ceil(cells.length / MOST_BARS);
  const bars = [];
  for (let start = 0; start < cells.length; start += count) {
    const members = cells.slice(start, start + count);
    bars.push(meanStages(count > 1 ? `${start + 1} – ${start + members.length}` : String(start + 1), members));
  }
  return { bars, words: count > 1 ? `Cells in the order they were finished, each bar the mean of ${count}.` : "Cells in the order they were finished." };
}

function meanStages(name, cells) {
  const stages = stageKeys.map((key) => mean(cells.map((cell) => numberOf(cell, key) ?? 0)));
  return { name, stages, total: stages.reduce((sum, value) => sum + value, 0), cells };
}

function stageBar(bar, toX, left, y, line) {
  const group = svg("g", { class: "stage-bar-group" });
  group.append(svg("text", { class: "tick", x: left - 8, y: y + line / 2, "text-anchor": "end", "dominant-baseline": "central", text: shorten(bar.name, left - 8) }));
  let from = 0;
  bar.stages.forEach((value, index) => {
    if (!value) return;
    const width = Math.max(0.5, toX(from + value) - toX(from));
    group.append(svg("rect", { class: `stage-${index % 6}`, x: toX(from), y: y + 2, width, height: line - 4 }));
    from += value;
  });
  group.append(svg("text", { class: "tick", x: toX(bar.total) + 6, y: y + line / 2, "dominant-baseline": "central", text: formatMeasure("total_ms", bar.total) }));
  const stages = stageKeys.map((key, index) => [key, bar.stages[index]]).filter(([, value]) => value);
  const words = stages.map(([key, value]) => `${label(key).replace(" (ms)", "")} ${formatMeasure(key, value)}`).join(", ");
  const action = bar.cells.length === 1 ? () => openCell(cellIndex.get(bar.cells[0].key)) : undefined;
  return explain(group, `${bar.name}: ${words}`, action, action && bar.cells[0]);
}

function stageLegend() {
  const items = stageKeys.map((key, index) => element("li", { class: `stage-${index % 6}`, text: label(key).replace(" (ms)", "") }));
  return element("ul", { class: "legend" }, ...items);
}
