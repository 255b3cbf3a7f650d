// A sweep file of one cell, to be run or changed.

function cellToml(cell) {
  const value = (parameter) => valueText(cell, parameter);
  return `${[
    `# Cell ${cell.key} of the sweep ${tomlString(data.name)}.`,
    "# Paths are those of the original sweep file: put this one beside it.",
    `name = ${tomlString(cellName(cell))}`,
    `model = ${tomlString(value("model"))}`,
    "",
    "[sweep]",
    `image = ${tomlString(literalPath(value("image")))}`,
    `instruction = ${tomlString(value("instruction"))}`,
    `negative_prompt = ${tomlString(value("negative_prompt"))}`,
    `guidance_scale = ${value("guidance_scale")}`,
    `image_guidance_scale = ${value("image_guidance_scale")}`,
    `guidance_start = ${value("guidance_start")}`,
    `guidance_end = ${value("guidance_end")}`,
    `seed = ${tomlInteger(value("seed"))}`,
    `num_inference_steps = ${value("num_inference_steps")}`,
    `scheduler = ${tomlString(value("scheduler"))}`,
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

/** Nothing where the sweep leaves it open; a word, or `{ pixels }`. */
function tileLines(tile) {
  if (tile === undefined) return [];
  return [`vae_tile = ${tile.pixels ?? tomlString(tile)}`];
}

function cellName(cell) {
  return `${data.name}-${cell.key.split("-").pop()}`;
}

/** `exact` crops as `crop` does, and has the same pixels whatever the model's own size. `floor` scales what is left of the
 *  image when its sides are rounded down: the sides of the cell do not say from what. */
function sizeLines(cell) {
  if (data.fit === "floor") return ['fit = "floor"', ...(data.resolution ? [`resolution = ${data.resolution}`] : [])];
  return ['fit = "exact"', `width = ${cell.width}`, `height = ${cell.height}`];
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
