// Which cell is where: pure functions from the state to rows and columns of cells.

/** Indices of the values of an axis that are not hidden. */
function shownValues(state, axis) {
  const hidden = state.hidden[axis] ?? [];
  return valuesOf(axis).map((_, index) => index).filter((index) => !hidden.includes(index));
}

/** The axes that are on no side, each shown at one value. */
function restAxes(state) {
  return data.axes.filter((axis) => !SIDES.some((side) => state[side] === axis));
}

/** The value at which an axis on no side is shown: the chosen one, else the first that is not hidden. */
function chosenValue(state, axis) {
  const shown = shownValues(state, axis);
  return shown.includes(state.at[axis]) ? state.at[axis] : shown[0];
}

/** Lines of a side: every pair of an outer and an inner value; an absent axis has one value, null. */
function linesOf(state, outerAxis, innerAxis) {
  const values = (axis) => (axis ? shownValues(state, axis) : [null]);
  return values(outerAxis).flatMap((outer) => values(innerAxis).map((inner) => ({ outer, inner })));
}

/**
 * The grid as it is seen: the index of the cell (or undefined) at each crossing of `rows` and `columns`. Cells within a
 * cell are rows and columns of their own, `mini` of them to each labelled one; a single long axis has several lines.
 */
function gridLayout(state) {
  const across = wrappedAcross(state);
  if (across) return wrappedLayout(state, across);
  const merged = state.merge ? shownValues(state, state.merge) : [null];
  const mini = shape(merged.length);
  const labels = { rows: linesOf(state, state.superRows, state.rows), columns: linesOf(state, state.superColumns, state.columns) };
  const split = (lines, count) => lines.flatMap((line) => [...Array(count).keys()].map((sub) => ({ ...line, sub })));
  const [rows, columns] = [split(labels.rows, mini.rows), split(labels.columns, mini.columns)];
  const rest = Object.fromEntries(restAxes(state).map((axis) => [axis, chosenValue(state, axis)]));
  const cellAt = (row, column) => {
    const within = merged[row.sub * mini.columns + column.sub];
    return within === undefined ? undefined : findCell({
      ...rest, [state.merge]: within,
      [state.superRows]: row.outer, [state.rows]: row.inner,
      [state.superColumns]: column.outer, [state.columns]: column.inner,
    });
  };
  return { rows, columns, labels, mini, cells: rows.map((row) => columns.map((column) => cellAt(row, column))) };
}

/** The same with nothing within a cell and each axis along one side. */
function plainLayout(state) {
  return gridLayout({ ...state, merge: "", isPlain: true });
}

/** Columns and rows for so many pictures within a cell: as square as can be without holes, as sheets have them. */
function shape(count) {
  const root = Math.floor(Math.sqrt(count));
  const rows = [...Array(root).keys()].map((index) => root - index).find((rows) => count % rows === 0) ?? 1;
  if (count / rows <= 3 * rows) return { columns: count / rows, rows };
  const columns = Math.ceil(Math.sqrt(count));
  return { columns, rows: Math.ceil(count / columns) };
}

/** How many cells of a single axis stand in a line, where one line for all would make them tiny; else 0. */
function wrappedAcross(state) {
  if (state.isPlain || !state.columns || SIDES.some((side) => side !== "columns" && state[side])) return 0;
  const count = shownValues(state, state.columns).length;
  const size = state.size || (fittingSize(state) < SIZE.legible ? wrappedSize() : 0);
  const across = Math.max(1, Math.floor((window.innerWidth - (window.innerWidth > 600 ? 64 : 32)) / (size + SIZE.gap)));
  return size && across < count ? across : 0;
}

function wrappedLayout(state, across) {
  const rest = Object.fromEntries(restAxes(state).map((axis) => [axis, chosenValue(state, axis)]));
  const all = shownValues(state, state.columns).map((value) => findCell({ ...rest, [state.columns]: value }));
  const lines = Array.from({ length: Math.ceil(all.length / across) }, (_, line) => all.slice(line * across, (line + 1) * across));
  const unlabelled = (count) => Array.from({ length: count }, () => ({ outer: null, inner: null, sub: 0 }));
  const [rows, columns] = [unlabelled(lines.length), unlabelled(across)];
  return { rows, columns, labels: { rows, columns }, mini: { columns: 1, rows: 1 }, cells: lines, wrapped: state.columns };
}

/** The cells of a layout, line by line. */
function cellsOf(layout) {
  return layout.cells.flat().filter((index) => index !== undefined).map((index) => data.cells[index]);
}

/** Where a cell is in a layout, or null. */
function placeOf(layout, index) {
  for (let row = 0; row < layout.cells.length; row++) {
    const column = layout.cells[row].indexOf(index);
    if (column >= 0) return { row, column };
  }
  return null;
}

/** The nearest cell in a direction, over gaps; undefined at the edge. */
function neighbour(layout, index, direction) {
  const place = placeOf(layout, index);
  if (!place) return undefined;
  const [down, right] = { left: [0, -1], right: [0, 1], up: [-1, 0], down: [1, 0] }[direction];
  let { row, column } = place;
  do {
    row += down;
    column += right;
    const next = layout.cells[row]?.[column];
    if (next !== undefined) return next;
  } while (layout.cells[row] && column >= 0 && column < layout.columns.length);
  return undefined;
}

/** Cells with no hidden value. */
function shownCells(state) {
  return data.cells.filter((cell) => data.axes.every((axis) => !(state.hidden[axis] ?? []).includes(valueIndex(cell, axis))));
}

/** The state that shows a cell which may be off the grid: other values chosen, none of its own hidden. */
function stateShowing(state, cell) {
  const at = { ...state.at };
  const hidden = { ...state.hidden };
  for (const axis of data.axes) {
    const index = valueIndex(cell, axis);
    if (restAxes(state).includes(axis)) at[axis] = index;
    if (hidden[axis]?.includes(index)) hidden[axis] = hidden[axis].filter((other) => other !== index);
  }
  return { at, hidden };
}
