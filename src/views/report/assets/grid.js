// The grid of images: sticky labels, one stop of the tab key, arrow keys between cells.

let layout = gridLayout(state);

/** What a score that is shown as a tint begins with in the state. */
const TINT = "tint:";

/** Longest side of thumbnails in pixels; larger cells show the images themselves. */
const THUMBNAIL = 320;

/** Labels of super-rows stick below the heads, which grow when the input in their corner has been loaded. */
const headWatcher = new ResizeObserver(([{ target }]) => setStyle(byId("grid"), { "--heads": `${target.offsetHeight}px` }));

/** Cells that are laid out at once. Lines of larger grids are laid out as they come into sight, which opens them sooner
 * and makes each frame of scrolling dearer: 2.5 times the work at 2,000 cells. */
const MOST_AT_ONCE = 4000;

function startGrid() {
  const grid = byId("grid");
  grid.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) openCell(Number(tile.dataset.cell));
  });
  grid.addEventListener("keydown", moveInGrid);
  grid.addEventListener("focusin", (event) => {
    if (event.target.matches(".tile")) makeTabStop(event.target);
  });
  window.addEventListener("resize", () => {
    if (layout.wrapped && wrappedAcross(state) !== layout.columns.length) renderGrid();
    else sizeGrid();
  });
  renderGrid();
  follow((now, before) => {
    const isOther = differs(now, before, ["hidden", "at", "caption", ...SIDES]);
    const isSharper = showsThumbnails(now) !== showsThumbnails(before);
    const isWrappedAnew = (layout.wrapped ? layout.columns.length : 0) !== wrappedAcross(now);
    if (isOther || isSharper || isWrappedAnew) renderGrid();
    if (now.size !== before.size || now.view !== before.view) sizeGrid();
    if (now.pin !== before.pin) [...pinsOf(now), ...pinsOf(before)].forEach((key) => showMark(data.cells[cellIndex.get(key)]));
  });
}

function showsThumbnails(state) {
  return cellSize(state) * window.devicePixelRatio <= THUMBNAIL;
}

function renderGrid() {
  layout = gridLayout(state);
  const focused = document.activeElement?.dataset?.cell;
  scoreRange = rangeOf(cellsOf(layout).map(scoreOf));
  const { rows } = layout.labels;
  const body = layout.wrapped ? layout.cells.map(wrappedLine) : rows.flatMap((row, index) => {
    const isFirst = index === 0 || rows[index - 1].outer !== row.outer;
    return state.superRows && isFirst ? [bandOf(row), lineOf(row, index)] : [lineOf(row, index)];
  });
  const isLarge = layout.rows.length * layout.columns.length > MOST_AT_ONCE;
  const table = element("div", { class: isLarge ? "grid many" : layout.wrapped ? "grid wrapped" : "grid", role: "grid", "aria-label": "Cells of the sweep" }, heads(), element("div", { role: "rowgroup" }, ...body));
  byId("grid").replaceChildren(table);
  setStyle(table, { "--tracks": tracks() });
  headWatcher.disconnect();
  headWatcher.observe(table.firstElementChild);
  sizeGrid();
  const stop = table.querySelector(focused ? `[data-cell="${focused}"]` : ".tile") ?? table.querySelector(".tile");
  if (stop) makeTabStop(stop);
  if (focused && stop) stop.focus({ preventScroll: true });
}

function sizeGrid() {
  const scroll = byId("grid");
  const size = cellSize(state);
  setStyle(scroll, { "--cell": `${size}px` });
  scroll.classList.toggle("tiny", size < 80);
  scroll.classList.toggle("small", size < 150);
}

/** Tracks of the grid: labels, then cells, with a gutter between super-columns. */
function tracks() {
  const { columns } = layout.labels;
  if (layout.wrapped) return `repeat(${columns.length}, var(--cell))`;
  const groups = [];
  columns.forEach((column, index) => {
    if (index === 0 || columns[index - 1].outer !== column.outer) groups.push(0);
    groups[groups.length - 1] += 1;
  });
  return `var(--labels) ${groups.map((count) => `repeat(${count}, var(--cell))`).join(" var(--gutter) ")}`;
}

function trackOf(index) {
  const { columns } = layout.labels;
  let gutters = 0;
  for (let i = 1; i <= index; i++) if (columns[i].outer !== columns[i - 1].outer) gutters += 1;
  return index + gutters + 2;
}

/** Width to height of the tallest of these cells: lines are as high as what stands in them. */
function ratioOf(indices) {
  const ratios = indices.filter((index) => index !== undefined).map((index) => data.cells[index].width / data.cells[index].height);
  return ratios.length ? Math.min(...ratios) : 1;
}

function heads() {
  const lines = [];
  if (state.superColumns) lines.push(superHead());
  lines.push(element("div", { class: "line head", role: "row" }, corner(), ...(layout.wrapped ? [] : layout.labels.columns.map((column, index) =>
    labelBox("columnheader", state.columns, column.inner, { "grid-column": trackOf(index) })))));
  return element("div", { class: "heads", role: "rowgroup" }, ...lines);
}

function superHead() {
  const boxes = [];
  const { columns } = layout.labels;
  columns.forEach((column, index) => {
    if (index > 0 && columns[index - 1].outer === column.outer) return;
    const count = columns.filter((other) => other.outer === column.outer).length;
    boxes.push(labelBox("columnheader", state.superColumns, column.outer, {
      "grid-column": `${trackOf(index)} / span ${count}`,
    }, "super"));
  });
  const name = element("div", { class: "corner", role: "columnheader" }, axisName(state.superColumns, "→"));
  return element("div", { class: "line head", role: "row" }, name, ...boxes);
}

/** Names of the axes, and the input where all cells of the grid share it. */
function corner() {
  const names = [axisName(state.rows, "↓"), axisName(state.columns, "→"), axisName(state.merge, "▦")];
  const inputs = new Set(cellsOf(layout).map((cell) => cell.input));
  const picture = inputs.size === 1 ? inputPicture([...inputs][0]) : undefined;
  const isTinted = state.caption.startsWith(TINT) && Number.isFinite(scoreRange[0]);
  const legend = isTinted ? heatLegend(scoreKey(), scoreRange) : undefined;
  return element("div", { class: "corner", role: "columnheader" }, picture, element("div", {}, ...names), legend);
}

function axisName(axis, arrow) {
  return axis ? element("div", { class: "axis" }, `${arrow} `, element("span", {}, ...breakable(axis))) : undefined;
}

function inputPicture(index) {
  const file = data.inputs[index]?.file;
  return file ? element("img", { class: "input", src: file, alt: "input image", loading: "lazy" }) : undefined;
}

/** A label of a row or column; an image shows itself. */
function labelBox(role, axis, index, style, extra = "") {
  if (index === null) return element("div", { class: `label ${extra}`, role, style, "aria-label": "all" });
  const text = valuesOf(axis)[index];
  const example = axis === "image" ? data.cells.find((cell) => valueIndex(cell, "image") === index) : undefined;
  const picture = example ? inputPicture(example.input) : undefined;
  const words = foreign(shortValue(axis, text), { class: text === "" ? "muted" : undefined });
  return element("div", { class: `label ${extra}`, role, title: text, style }, picture, words);
}

function bandOf(row) {
  const name = element("span", { class: "muted", text: `${state.superRows} ` });
  const box = labelBox("rowheader", state.superRows, row.outer, {}, "band-label");
  box.prepend(name);
  return element("div", { class: "line band", role: "row" }, box);
}

function lineOf(row, rowIndex) {
  const places = layout.labels.columns.map((_, column) => element("div", {
    class: state.merge ? "place merged" : "place", role: "gridcell", style: { "grid-column": trackOf(column), "--mini": layout.mini.columns },
  }, ...cellsWithin(rowIndex, column).map((index) => (index === undefined ? undefined : tileOf(index)))));
  const { rows } = layout.mini;
  const ratio = ratioOf(layout.cells.slice(rowIndex * rows, (rowIndex + 1) * rows).flat());
  return element("div", { class: "line", role: "row", style: { "--ratio": ratio } }, labelBox("rowheader", state.rows, row.inner, {}), ...places);
}

/** What stands at a labelled row and column: one cell, or those within it in reading order. */
function cellsWithin(row, column) {
  const { mini } = layout;
  const lines = layout.cells.slice(row * mini.rows, (row + 1) * mini.rows);
  return lines.flatMap((line) => line.slice(column * mini.columns, (column + 1) * mini.columns));
}

/** A line of a single axis that has several: each cell under its own label. */
function wrappedLine(indices) {
  const places = indices.filter((index) => index !== undefined).map((index) => element("div", { class: "place", role: "gridcell" },
    labelOf(layout.wrapped, valueIndex(data.cells[index], layout.wrapped)), tileOf(index)));
  return element("div", { class: "line", role: "row", style: { "--ratio": ratioOf(indices) } }, ...places);
}

function labelOf(axis, index) {
  return element("div", { class: "label" }, foreign(shortValue(axis, valuesOf(axis)[index])));
}

function tileOf(index) {
  const cell = data.cells[index];
  return element("button", {
    type: "button", class: tileClass(cell), tabindex: -1, "data-cell": index, "aria-label": tileWords(cell), style: tintStyle(cell),
  }, tileContent(cell), tintOf(cell), captionOf(cell));
}

function tileClass(cell) {
  const marks = { advised: cell.advised, starred: isStarred(cell), pinned: pinsOf(state).includes(cell.key), strong: tintShare(cell) > LEGIBLE };
  return ["tile", cell.status, ...Object.keys(marks).filter((key) => marks[key])].join(" ");
}

/** What a tile is and all that stands on it. */
function tileWords(cell) {
  const status = { done: cell.advised && "advised", failed: `failed: ${cell.error ?? ""}`, waiting: "not there yet" }[cell.status];
  const marks = [isStarred(cell) && "starred", pinsOf(state).includes(cell.key) && "pinned"];
  return [describe(cell), status, ...marks, captionWords(cell)].filter(Boolean).join(", ");
}

function tileContent(cell) {
  if (cell.status === "failed") return element("span", { class: "why" }, element("b", { text: "failed: " }), foreign(cell.error ?? ""));
  if (!cell.image) return element("span", { class: "why", text: "not there yet" });
  const source = showsThumbnails(state) ? cell.thumbnail ?? cell.image : cell.image;
  return element("img", { src: source, alt: "", loading: "lazy", decoding: "async", width: cell.width, height: cell.height });
}

function captionOf(cell) {
  const value = scoreOf(cell);
  return value === undefined ? undefined : element("span", { class: "caption", text: formatMeasure(scoreKey(), value) });
}

function captionWords(cell) {
  const value = scoreOf(cell);
  return value === undefined ? undefined : `${label(scoreKey())} ${formatMeasure(scoreKey(), value)}`;
}

/** Least and most of the scores in the grid. */
let scoreRange = [0, 0];

function scoreKey() {
  return state.caption.replace(TINT, "");
}

/** Of a cell that has an image: what stands on another says why it has none. */
function scoreOf(cell) {
  return scoreKey() && cell.image ? numberOf(cell, scoreKey()) : undefined;
}

function rangeOf(values) {
  const known = values.filter((value) => value !== undefined);
  return [Math.min(...known), Math.max(...known)];
}

/** Where a score that is shown as a tint stands between the least and the most, 0 to 1. */
function tintShare(cell) {
  const value = state.caption.startsWith(TINT) ? scoreOf(cell) : undefined;
  const [low, high] = scoreRange;
  return value === undefined ? undefined : high > low ? (value - low) / (high - low) : 0;
}

function tintStyle(cell) {
  const share = tintShare(cell);
  return share === undefined ? {} : { "--share": `${Math.round(share * 100)}%` };
}

function tintOf(cell) {
  return tintShare(cell) === undefined ? undefined : element("span", { class: "tint" });
}

function makeTabStop(tile) {
  byId("grid").querySelectorAll('.tile[tabindex="0"]').forEach((other) => other.setAttribute("tabindex", -1));
  tile.setAttribute("tabindex", 0);
}

const ARROWS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

function moveInGrid(event) {
  const tile = event.target.closest(".tile");
  if (!tile || event.ctrlKey || event.altKey || event.metaKey) return;
  const here = Number(tile.dataset.cell);
  const marks = { p: togglePin, s: toggleStar }[event.key.toLowerCase()];
  if (marks) marks(data.cells[here]);
  let next;
  if (ARROWS[event.key]) next = neighbour(layout, here, ARROWS[event.key]);
  else if (event.key === "Home" || event.key === "End") {
    const line = layout.cells[placeOf(layout, here).row].filter((index) => index !== undefined);
    next = event.key === "Home" ? line[0] : line.at(-1);
  } else return;
  event.preventDefault();
  if (next !== undefined) focusTile(next);
}

function focusTile(index) {
  const tile = byId("grid").querySelector(`[data-cell="${index}"]`);
  tile?.focus({ preventScroll: true });
  tile?.scrollIntoView({ block: "nearest", inline: "nearest" });
}
