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

/** The whole grid: lines of rows and columns, and the index of the cell (or undefined) at each crossing. */
function gridLayout(state) {
  const rows = linesOf(state, state.superRows, state.rows);
  const columns = linesOf(state, state.superColumns, state.columns);
  const rest = Object.fromEntries(restAxes(state).map((axis) => [axis, chosenValue(state, axis)]));
  const cells = rows.map((row) => columns.map((column) => findCell({
    ...rest,
    [state.superRows]: row.outer, [state.rows]: row.inner,
    [state.superColumns]: column.outer, [state.columns]: column.inner,
  })));
  return { rows, columns, cells };
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
