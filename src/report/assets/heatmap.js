// A measured number over the grid, as the grid is laid out.

function heatColumn() {
  return data.numbers.includes(state.heat) ? state.heat : numbersByInterest[0];
}

function heatmapFigure() {
  const options = numbersByInterest.map((key) => [key, label(key)]);
  return plotFigure("heatmap", "Over the grid", [selectField("Number", options, heatColumn(), (heat) => update({ heat }), "heat-column")],
    "Rows and columns are those chosen above, as in the grid.");
}

function drawHeatmap(figure) {
  const key = heatColumn();
  const { rows, columns, cells } = gridLayout(state);
  const values = cells.map((line) => line.map((index) => (index === undefined ? undefined : numberOf(data.cells[index], key))));
  const known = values.flat().filter((value) => value !== undefined);
  const canvas = figure.querySelector(".canvas");
  if (!known.length) return canvas.replaceChildren(element("p", { class: "empty", text: "Nothing was measured here yet." }));
  const range = [Math.min(...known), Math.max(...known)];
  const size = heatmapSize(plotWidth(figure), rows, columns);
  const root = svg("svg", { class: "chart heat", viewBox: `0 0 ${size.width} ${size.height}`, width: size.width, height: size.height, role: "group", "aria-label": `${label(key)} over the grid` });
  const columnWords = columns.map((column) => heatWords(state.superColumns, state.columns, column));
  const stride = Math.ceil(Math.min(60, EM + Math.max(...columnWords.map(textWidth))) / size.cell);
  columnWords.forEach((words, index) => {
    if (index % stride === 0) root.append(heatLabel(words, size.left + (index + 0.5) * size.cell, size.top - 8, "middle", size.cell * stride));
  });
  rows.forEach((row, index) => root.append(heatLabel(heatWords(state.superRows, state.rows, row), size.left - 8, size.top + (index + 0.5) * size.line, "end", size.left - 8)));
  values.forEach((line, row) => line.forEach((value, column) => {
    if (value !== undefined) root.append(heatCell(cells[row][column], key, value, range, size, row, column));
  }));
  canvas.replaceChildren(root, heatLegend(key, range));
}

function heatmapSize(available, rows, columns) {
  const left = state.rows || state.superRows ? Math.min(130, available * 0.3) : 8;
  const cell = Math.max(14, Math.min(110, (available - left - 4) / columns.length));
  const line = Math.max(14, Math.min(44, cell * 0.7, 900 / rows.length));
  const top = 28;
  return { left, top, cell, line, width: left + cell * columns.length + 4, height: top + line * rows.length + 4 };
}

function heatWords(outerAxis, innerAxis, { outer, inner }) {
  const lines = [[outerAxis, outer], [innerAxis, inner]].filter(([, index]) => index !== null);
  return lines.map(([axis, index]) => shortValue(axis, valuesOf(axis)[index])).join(" · ");
}

function heatLabel(text, x, y, anchor, room) {
  const node = svg("text", { class: "tick", x, y, "text-anchor": anchor, "dominant-baseline": anchor === "end" ? "middle" : "auto", text: shorten(text, room) });
  node.append(svg("title", { text }));
  return node;
}

function heatCell(index, key, value, [low, high], size, row, column) {
  const share = high > low ? (value - low) / (high - low) : 0;
  const x = size.left + column * size.cell;
  const y = size.top + row * size.line;
  const group = svg("g", { class: share > 0.5 ? "heat-cell strong" : "heat-cell", style: { "--share": `${Math.round(share * 100)}%` } },
    svg("rect", { x: x + 1, y: y + 1, width: size.cell - 2, height: size.line - 2, rx: 3 }));
  if (size.cell >= 40 && size.line >= 16) {
    group.append(svg("text", { x: x + size.cell / 2, y: y + size.line / 2, "text-anchor": "middle", "dominant-baseline": "central", text: formatNumber(value) }));
  }
  return explain(group, `${describe(data.cells[index])}: ${formatMeasure(key, value)}`, () => openCell(index));
}

function heatLegend(key, [low, high]) {
  return element("div", { class: "heat-bar" },
    element("span", { text: formatMeasure(key, low) }), element("span", { class: "ramp", "aria-hidden": "true" }), element("span", { text: formatMeasure(key, high) }));
}
