// The grid of images: sticky labels, one stop of the tab key, arrow keys between cells.

let layout = gridLayout(state);

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
  window.addEventListener("resize", sizeGrid);
  renderGrid();
  follow((now, before) => {
    const isOther = differs(now, before, ["hidden", "at", "caption", ...SIDES]);
    const isSharper = showsThumbnails(now) !== showsThumbnails(before);
    if (isOther || isSharper) renderGrid();
    if (now.size !== before.size || now.view !== before.view) sizeGrid();
    if (now.pin !== before.pin) {
      const pinned = cellIndex.get(now.pin);
      grid.querySelectorAll(".tile").forEach((tile) => tile.classList.toggle("pinned", Number(tile.dataset.cell) === pinned));
    }
  });
}

function showsThumbnails(state) {
  return cellSize(state) * window.devicePixelRatio <= THUMBNAIL;
}

function renderGrid() {
  layout = gridLayout(state);
  const focused = document.activeElement?.dataset?.cell;
  const body = layout.rows.flatMap((row, index) => {
    const isFirst = index === 0 || layout.rows[index - 1].outer !== row.outer;
    return state.superRows && isFirst ? [bandOf(row), lineOf(row, index)] : [lineOf(row, index)];
  });
  const isLarge = layout.rows.length * layout.columns.length > MOST_AT_ONCE;
  const table = element("div", { class: isLarge ? "grid many" : "grid", role: "grid", "aria-label": "Cells of the sweep" }, heads(), element("div", { role: "rowgroup" }, ...body));
  byId("grid").replaceChildren(table);
  setStyle(table, { "--tracks": tracks(), "--ratio": commonRatio() });
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
  const groups = [];
  layout.columns.forEach((column, index) => {
    if (index === 0 || layout.columns[index - 1].outer !== column.outer) groups.push(0);
    groups[groups.length - 1] += 1;
  });
  return `var(--labels) ${groups.map((count) => `repeat(${count}, var(--cell))`).join(" var(--gutter) ")}`;
}

function trackOf(index) {
  let gutters = 0;
  for (let i = 1; i <= index; i++) if (layout.columns[i].outer !== layout.columns[i - 1].outer) gutters += 1;
  return index + gutters + 2;
}

/** Width to height of all cells if they agree, else 1. */
function commonRatio() {
  const ratios = new Set(data.cells.map((cell) => cell.width / cell.height));
  return ratios.size === 1 ? [...ratios][0] : 1;
}

function heads() {
  const lines = [];
  if (state.superColumns) lines.push(superHead());
  lines.push(element("div", { class: "line head", role: "row" }, corner(), ...layout.columns.map((column, index) =>
    labelBox("columnheader", state.columns, column.inner, { "grid-column": trackOf(index) }))));
  return element("div", { class: "heads", role: "rowgroup" }, ...lines);
}

function superHead() {
  const boxes = [];
  layout.columns.forEach((column, index) => {
    if (index > 0 && layout.columns[index - 1].outer === column.outer) return;
    const count = layout.columns.filter((other) => other.outer === column.outer).length;
    boxes.push(labelBox("columnheader", state.superColumns, column.outer, {
      "grid-column": `${trackOf(index)} / span ${count}`,
    }, "super"));
  });
  const name = element("div", { class: "corner", role: "columnheader" }, axisName(state.superColumns, "→"));
  return element("div", { class: "line head", role: "row" }, name, ...boxes);
}

/** Names of the axes, and the input where all cells of the grid share it. */
function corner() {
  const names = [axisName(state.rows, "↓"), axisName(state.columns, "→")];
  const inputs = new Set(cellsOf(layout).map((cell) => cell.input));
  const picture = inputs.size === 1 ? inputPicture([...inputs][0]) : undefined;
  return element("div", { class: "corner", role: "columnheader" }, picture, element("div", {}, ...names));
}

function axisName(axis, arrow) {
  return axis ? element("div", { class: "axis" }, element("span", { text: axis.replaceAll("_", " ") }), ` ${arrow}`) : undefined;
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
  const name = element("span", { class: "muted", text: `${state.superRows.replaceAll("_", " ")} ` });
  const box = labelBox("rowheader", state.superRows, row.outer, {}, "band-label");
  box.prepend(name);
  return element("div", { class: "line band", role: "row" }, box);
}

function lineOf(row, rowIndex) {
  const tiles = layout.cells[rowIndex].map((index, column) => element("div", {
    class: "place", role: "gridcell", style: { "grid-column": trackOf(column) },
  }, index === undefined ? undefined : tileOf(index)));
  return element("div", { class: "line", role: "row" }, labelBox("rowheader", state.rows, row.inner, {}), ...tiles);
}

function tileOf(index) {
  const cell = data.cells[index];
  return element("button", {
    type: "button", class: ["tile", cell.status, cell.advised && "advised", isStarred(cell) && "starred", cell.key === state.pin && "pinned"].filter(Boolean).join(" "), tabindex: -1, "data-cell": index,
    "aria-label": tileWords(cell),
  }, tileContent(cell), captionOf(cell));
}

/** What a tile is and all that stands on it. */
function tileWords(cell) {
  const status = { done: cell.advised && "advised", failed: `failed: ${cell.error ?? ""}`, waiting: "not there yet" }[cell.status];
  return [describe(cell), status, isStarred(cell) && "starred", captionWords(cell)].filter(Boolean).join(", ");
}

function tileContent(cell) {
  if (cell.status === "failed") return element("span", { class: "why" }, element("b", { text: "failed: " }), foreign(cell.error ?? ""));
  if (!cell.image) return element("span", { class: "why", text: "not there yet" });
  const source = showsThumbnails(state) ? cell.thumbnail ?? cell.image : cell.image;
  return element("img", { src: source, alt: "", loading: "lazy", decoding: "async", width: cell.width, height: cell.height });
}

function captionOf(cell) {
  const value = captionValue(cell);
  return value === undefined ? undefined : element("span", { class: "caption", text: formatMeasure(state.caption, value) });
}

function captionWords(cell) {
  const value = captionValue(cell);
  return value === undefined ? undefined : `${label(state.caption)} ${formatMeasure(state.caption, value)}`;
}

function captionValue(cell) {
  return state.caption ? numberOf(cell, state.caption) : undefined;
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
