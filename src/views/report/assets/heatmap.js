// A measured number over the grid, as the grid is laid out.

/** The share of the ramp above which the ink of its high end has the better contrast, at least 4.5 in light and dark. */
const LEGIBLE = 0.62;

/** Bounds of a cell's sides in pixels. */
const HEAT_CELL = { least: 14, widest: 160, lowest: 44, highest: 96 };

/** Pixels that the name of an axis takes. */
const AXIS_NAME = 18;

function heatColumn() {
  return data.numbers.includes(state.heat) ? state.heat : numbersByInterest[0];
}

function heatmapFigure() {
  const options = numbersByInterest.map((key) => [key, label(key)]);
  return plotFigure("heatmap", "Over the grid", [selectField("Measure", options, heatColumn(), (heat) => update({ heat }), "heat-column")],
    "Rows and columns are those chosen above, as in the grid.");
}

function drawHeatmap(figure) {
  const key = heatColumn();
  const { rows, columns, cells } = plainLayout(state);
  const values = cells.map((line) => line.map((index) => (index === undefined ? undefined : numberOf(data.cells[index], key))));
  const known = values.flat().filter((value) => value !== undefined);
  const canvas = figure.querySelector(".canvas");
  if (!known.length) return canvas.replaceChildren(element("p", { class: "empty", text: "Nothing was measured here yet." }));
  const range = [Math.min(...known), Math.max(...known)];
  const rowWords = rows.map((row) => heatWords(state.superRows, state.rows, row));
  const size = heatmapSize(plotWidth(figure), rowWords, columns.length);
  const root = svg("svg", { class: "chart heat", viewBox: `0 0 ${size.width} ${size.height}`, width: size.width, height: size.height, role: "group", "aria-label": `${label(key)} over the grid` });
  const columnWords = columns.map((column) => heatWords(state.superColumns, state.columns, column));
  const stride = Math.ceil(Math.min(60, EM + Math.max(...columnWords.map(textWidth))) / size.cell);
  root.append(
    heatAxisName([state.superColumns, state.columns], size.width - size.left, { x: size.left + columns.length * size.cell / 2, y: EM }),
    heatAxisName([state.superRows, state.rows], size.height, { transform: `translate(${EM} ${size.height / 2}) rotate(-90)` }),
  );
  columnWords.forEach((words, index) => {
    if (index % stride === 0) root.append(heatLabel(words, size.left + (index + 0.5) * size.cell, size.top - 8, "middle", size.cell * stride));
  });
  rowWords.forEach((words, index) => root.append(heatLabel(words, size.left - 8, size.top + (index + 0.5) * size.line, "end", size.left - 8 - (state.superRows || state.rows ? AXIS_NAME : 0))));
  values.forEach((line, row) => root.append(svg("g", {}, ...line.map((value, column) => {
    const index = cells[row][column];
    if (value !== undefined) return heatCell(index, key, value, range, size, row, column);
    return data.cells[index]?.status === "failed" ? heatFailed(index, size, row, column) : undefined;
  }))));
  showDrawing(canvas, root, heatLegend(key, range));
}

/** As wide as there is room, and as high as the plot beside it, within reason. */
function heatmapSize(available, rowWords, columns) {
  const { least, widest, lowest, highest } = HEAT_CELL;
  const rows = rowWords.length;
  const top = 28 + (state.superColumns || state.columns ? AXIS_NAME : 0);
  const left = Math.min(EM + Math.max(...rowWords.map(textWidth)), 130, available * 0.3) + (state.superRows || state.rows ? AXIS_NAME : 0);
  const cell = Math.max(least, Math.min(widest, (available - left - 4) / columns));
  const even = Math.min(highest, Math.max(lowest, (CHART.height - top - 4) / rows));
  const line = Math.max(least, Math.min(even, cell * 0.7, 900 / rows));
  return { left, top, cell, line, width: left + cell * columns + 4, height: top + line * rows + 4 };
}

function heatWords(outerAxis, innerAxis, { outer, inner }) {
  const lines = [[outerAxis, outer], [innerAxis, inner]].filter(([, index]) => index !== null);
  return lines.map(([axis, index]) => shortValue(axis, valuesOf(axis)[index])).join(" · ");
}

function heatAxisName(axes, room, place) {
  const text = axes.filter(Boolean).join(" · ");
  return heatText(text, room, { class: "axis-name", "text-anchor": "middle", ...place });
}

function heatLabel(text, x, y, anchor, room) {
  return heatText(text, room, { class: "tick", x, y, "text-anchor": anchor, "dominant-baseline": anchor === "end" ? "middle" : "auto" });
}

/** As much of a text as there is room for, and the whole of it in its title. */
function heatText(text, room, attributes) {
  const node = svg("text", { ...attributes, text: shorten(text, room) });
  node.append(svg("title", { text }));
  return node;
}

function heatCell(index, key, value, [low, high], size, row, column) {
  const share = high > low ? (value - low) / (high - low) : 0;
  const text = hasRoom(size) ? formatNumber(value) : "";
  const group = heatBox({ class: share > LEGIBLE ? "heat-cell strong" : "heat-cell", style: { "--share": `${Math.round(share * 100)}%` } }, text, size, row, column);
  return explain(group, `${describe(data.cells[index])}: ${formatMeasure(key, value)}`, () => openCell(index), data.cells[index]);
}

function heatFailed(index, size, row, column) {
  const group = heatBox({ class: "heat-failed" }, hasRoom(size) ? "failed" : "×", size, row, column);
  return explain(group, `${describe(data.cells[index])}: failed: ${data.cells[index].error ?? ""}`, () => openCell(index));
}

function hasRoom(size) {
  return size.cell >= 40 && size.line >= 16;
}

function heatBox(attributes, text, size, row, column) {
  const x = size.left + column * size.cell;
  const y = size.top + row * size.line;
  return svg("g", attributes,
    svg("rect", { x: x + 1, y: y + 1, width: size.cell - 2, height: size.line - 2, rx: 3 }),
    text ? svg("text", { x: x + size.cell / 2, y: y + size.line / 2, "text-anchor": "middle", "dominant-baseline": "central", text }) : undefined);
}

function heatLegend(key, [low, high]) {
  return element("div", { class: "heat-bar" },
    element("span", { text: formatMeasure(key, low) }), element("span", { class: "ramp", "aria-hidden": "true" }), element("span", { text: formatMeasure(key, high) }));
}
