// A sweep file of one cell, to be run or changed.

function cellToml(cell) {
  return `${[
    `# Cell ${cell.key} of the sweep ${tomlString(data.name)}.`,
    "# Paths are those of the original sweep file: put this one beside it.",
    `name = ${tomlString(cellName(cell))}`,
    ...(data.chain ? chainTables(cell) : [...parameterLines(cell, "top"), "", "[sweep]", ...parameterLines(cell, "sweep")]),
    "",
    "[size]",
    ...sizeLines(cell),
    "",
    "[numerics]",
    `noise = ${tomlString(data.numerics.noise)}`,
    `guidance = ${tomlString(data.numerics.guidance)}`,
    ...tileLines(data.numerics.vae_tile),
  ].join("\n")}\n`;
}

/** The parameters that stand in a place of a sweep file. A preset is none of them: what it sets, they say. */
function parameterLines(cell, place) {
  const placed = data.parameters.filter((parameter) => parameter.place === place);
  // A strength, a mask or an image that a cell does not have is left out.
  const given = placed.filter(({ key, form }) => form === "text" || valueText(cell, key) !== "");
  return given.map(({ key, form }) => `${key} = ${tomlValue(form, valueText(cell, key))}`);
}

function tomlValue(form, text) {
  if (form === "decimal") return text;
  if (form === "whole") return tomlInteger(text);
  // What a mask is made of is called as TOML has it.
  if (form === "mask" && /^\{[^\u0000-\u001f\u007f]*\}$/.test(text)) return text;
  return tomlString(form === "file" || form === "mask" ? literalPath(text) : text);
}

/** Nothing where the sweep leaves it open; a word, or `{ pixels }`. */
function tileLines(tile) {
  if (tile === undefined) return [];
  return [`vae_tile = ${tile.pixels ?? tomlString(tile)}`];
}

function cellName(cell) {
  return `${data.name}-${cell.key.split("-").pop()}`;
}

/** As the sweep has it: a cell of another rule is another cell, even where its pixels are the same. */
function sizeLines(cell) {
  const colour = data.converted ? ['colour = "srgb"'] : [];
  if (typeof data.fit !== "string") return ['fit = "exact"', `width = ${cell.width}`, `height = ${cell.height}`, ...colour];
  const resolution = data.resolution ? [`resolution = ${data.resolution}`] : [];
  return [`fit = ${tomlString(data.fit)}`, ...resolution, ...colour];
}

/** A basic string. Control characters and marks of direction are escaped: what one sees is what there is. */
function tomlString(text) {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** TOML's integers end at 2^63 - 1; larger seeds are written as text. */
function tomlInteger(digits) {
  return BigInt(digits) < 2n ** 63n ? digits : `"${digits}"`;
}

/** A path in which nothing is a pattern. */
function literalPath(path) {
  return path.replace(/[*?[]/g, (mark) => `[${mark}]`);
}
