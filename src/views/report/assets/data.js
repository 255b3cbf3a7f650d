// The data of the run, as the program wrote them into the page, and how to find a cell.

const data = JSON.parse(byId("data").textContent);

const parameterIndex = new Map(data.parameters.map((parameter, index) => [parameter.key, index]));
const cellIndex = new Map(data.cells.map((cell, index) => [cell.key, index]));
const numberIndex = new Map(data.numbers.map((key, index) => [key, index]));
const cellAtAxes = new Map();
data.cells.forEach((cell, index) => {
  const place = axesPlace((axis) => valueIndex(cell, axis));
  if (!cellAtAxes.has(place)) cellAtAxes.set(place, index);
});

function axesPlace(indexOf) {
  return data.axes.map(indexOf).join(" ");
}

/** The index of the cell at these axis values (key of axis to index of value), if the sweep has it. */
function findCell(coordinates) {
  return cellAtAxes.get(axesPlace((axis) => coordinates[axis]));
}

/** All values of a parameter, as text. */
function valuesOf(parameter) {
  return data.parameters[parameterIndex.get(parameter)].values;
}

function valueIndex(cell, parameter) {
  return cell.values[parameterIndex.get(parameter)];
}

function valueText(cell, parameter) {
  return valuesOf(parameter)[valueIndex(cell, parameter)];
}

/** Parameters with more than one value, those that presets link included. */
const varying = data.parameters.filter((parameter) => parameter.values.length > 1).map((parameter) => parameter.key);

/** Those whose values are numbers, what varies fastest first. */
const NUMERIC_PARAMETERS = data.parameters
  .filter(({ form }) => form === "decimal" || form === "whole")
  .map(({ key }) => key)
  .reverse();

/** A number of a cell: a measured column or a numeric parameter; undefined if it was not measured. */
function numberOf(cell, key) {
  if (numberIndex.has(key)) return cell.numbers?.[numberIndex.get(key)] ?? undefined;
  return NUMERIC_PARAMETERS.includes(key) ? Number(valueText(cell, key)) : undefined;
}

/** The measured numbers: comparisons first, then times, memory, and counts that hardly vary. */
const numbersByInterest = [...data.numbers].sort((one, other) => interest(one) - interest(other));

function interest(key) {
  if (key === "total_ms") return 1;
  if (key.endsWith("_ms")) return 2;
  if (key.endsWith("_mib")) return 3;
  return ["batch_size", "unet_evals"].includes(key) ? 4 : 0;
}

/** What can be an axis of a plot. */
const plottable = [...numbersByInterest, ...NUMERIC_PARAMETERS.filter((key) => varying.includes(key))];

/** Cells in the order in which they were finished. */
function finishedCells() {
  return data.cells.filter((cell) => cell.finished).sort((one, other) => (one.finished < other.finished ? -1 : 1));
}
