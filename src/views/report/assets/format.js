// How keys, values and numbers are written.

const UNITS = { ms: "ms", mib: "MiB", evals: "" };

/** A key's name for people and its unit. */
function label(key) {
  // Parameters are spelled as sweep files have them.
  if (parameterIndex.has(key)) return key;
  const unit = unitOf(key);
  const words = key.replace(/_(ms|mib)$/, "").replaceAll("_", " ");
  return unit ? `${words} (${unit})` : words;
}

function unitOf(key) {
  return UNITS[key.match(/_([a-z]+)$/)?.[1]] ?? "";
}

/** A number with as many digits as it deserves. */
function formatNumber(value) {
  if (value === undefined || value === null || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");
  if (Number.isInteger(value)) return String(value);
  if (size < 0.01) return value.toPrecision(2);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

function formatMeasure(key, value) {
  const unit = unitOf(key);
  if (value === undefined) return "–";
  if (unit === "ms" && value >= 10000) return `${formatNumber(value / 1000)} s`;
  return unit ? `${formatNumber(value)} ${unit}` : formatNumber(value);
}

function isPath(parameter) {
  return ["file", "folder", "mask"].includes(data.parameters[parameterIndex.get(parameter)].form);
}

/** A value as short as it can be without being mistaken: the name of an image without its folders. */
function shortValue(parameter, text) {
  if (text === "") return "(none)";
  if (!isPath(parameter)) return text;
  const last = (path) => path.replace(/\/+$/, "").split("/").pop();
  const isUnique = valuesOf(parameter).filter((other) => last(other) === last(text)).length === 1;
  return isUnique ? last(text) : text;
}

/** The varying values of a cell in words. */
function describe(cell) {
  return data.axes.map((axis) => `${axis} ${shortValue(axis, valueText(cell, axis))}`).join(", ") || cell.key;
}
