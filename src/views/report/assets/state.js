// What is shown, kept in the address, so that a view can be sent, bookmarked and reloaded.

const SIDES = ["rows", "columns", "superRows", "superColumns", "merge"];
const VIEWS = ["grid", "plots", "table", "vote", "about"];
const MODES = ["slider", "difference", "output", "input", "blink"];
/** Pixels. A single axis whose cells would be smaller than `legible` in one line stands in several. */
const SIZE = { least: 48, legible: 150, wrapped: 200, widest: 384, most: 512, step: 8, gap: 4 };
const MOST_PINS = 4;
/** Characters of a value that an address spells out. */
const LONGEST_IN_ADDRESS = 60;

const defaults = defaultState();
let state = readAddress();
const followers = [];

function defaultState() {
  const { sheet } = data;
  const sides = { rows: "", columns: "", superRows: "", superColumns: "", merge: "" };
  // Panels are chosen from one at a time, as axes without a side are.
  const free = data.axes.filter((axis) => !sheet.panels.includes(axis));
  const take = (wanted) => {
    const axis = wanted.find((key) => free.includes(key));
    if (axis) free.splice(free.indexOf(axis), 1);
    return axis ?? "";
  };
  for (const side of ["merge", "superRows", "superColumns"]) sides[side] = take([sheet[side]]);
  const fastest = [...data.axes].reverse();
  sides.columns = take([sheet.columns, "guidance_scale", ...fastest.filter((axis) => axis !== sheet.rows)]);
  sides.rows = take([sheet.rows, "image_guidance_scale", ...fastest]);
  return {
    view: "grid", ...sides, at: {}, hidden: {}, size: 0,
    cell: "", pin: "", against: "", first: "", mask: "", mode: "slider",
    caption: "", sort: "", find: "", status: "", without: "",
    x: "", y: "", lines: "", heat: "", stages: "", along: "",
  };
}

/** Side of a cell in pixels: the chosen one, or that at which all columns fit into the window, within reason. */
function cellSize(state) {
  if (state.size) return state.size;
  return wrappedAcross(state) ? wrappedSize() : fittingSize(state);
}

/** Two cells side by side even on a phone. */
function wrappedSize() {
  return Math.min(SIZE.wrapped, Math.floor((window.innerWidth - 32) / 2 - SIZE.gap));
}

function fittingSize(state) {
  const columns = linesOf(state, state.superColumns, state.columns).length;
  const room = gridRoom() / columns - SIZE.gap;
  return Math.min(SIZE.widest, Math.max(64, Math.floor(room / SIZE.step) * SIZE.step));
}

/** Pixels across that cells have. */
function gridRoom() {
  return window.innerWidth - (window.innerWidth > 600 ? 220 : 108);
}

function readAddress() {
  const query = new URLSearchParams(location.hash.slice(1));
  const read = structuredClone(defaults);
  for (const key of ["cell", "pin", "against", "first", "mask", "caption", "sort", "find", "status", "without", "x", "y", "lines", "heat", "stages", "along"]) {
    read[key] = query.get(key) ?? defaults[key];
  }
  const choose = (key, allowed) => {
    if (allowed.includes(query.get(key))) read[key] = query.get(key);
  };
  choose("view", VIEWS);
  choose("mode", MODES);
  SIDES.forEach((side) => choose(side, ["", ...data.axes]));
  const size = Number(query.get("size"));
  if (size >= SIZE.least && size <= SIZE.most) read.size = size;
  for (const axis of data.axes) {
    const names = valuesOf(axis).map(addressName);
    const at = names.indexOf(query.get(`at.${axis}`));
    if (at >= 0) read.at[axis] = at;
    const hides = query.getAll(`hide.${axis}`);
    const hidden = [...names.keys()].filter((index) => hides.includes(names[index]));
    if (hidden.length && hidden.length < names.length) read.hidden[axis] = hidden;
  }
  dropDoubles(read);
  if (!cellIndex.has(read.cell)) read.cell = "";
  read.pin = pinsOf(read).filter((key) => cellIndex.has(key)).slice(0, MOST_PINS).join(" ");
  if (!pinsOf(read).includes(read.against)) read.against = "";
  return read;
}

/** Keys of the pinned cells, in the order in which they were pinned. */
function pinsOf(state) {
  return state.pin.split(" ").filter(Boolean);
}

/** A value as addresses name it, wherever it stands in the sweep: itself, or a hash (FNV-1a) in place of a long text. */
function addressName(text) {
  if (text.length <= LONGEST_IN_ADDRESS) return text;
  const hash = new TextEncoder().encode(text).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5);
  return `~${(hash >>> 0).toString(16).padStart(8, "0")}`;
}

/** An axis can be on one side only; the first side keeps it. */
function dropDoubles(state) {
  SIDES.forEach((side, index) => {
    if (SIDES.slice(0, index).some((earlier) => state[earlier] === state[side])) state[side] = "";
  });
}

function address() {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    if (typeof value !== "object" && value !== defaults[key]) query.set(key, value);
  }
  const nameOf = (axis, index) => addressName(valuesOf(axis)[index]);
  for (const [axis, index] of Object.entries(state.at)) query.set(`at.${axis}`, nameOf(axis, index));
  for (const [axis, hidden] of Object.entries(state.hidden)) for (const index of hidden) query.append(`hide.${axis}`, nameOf(axis, index));
  return `#${query}`;
}

/** Calls `follower(state, before)` after every change. */
function follow(follower) {
  followers.push(follower);
}

/** Changes what is shown. `step` makes the browser's back button undo it. */
function update(changes, { step = false } = {}) {
  const before = state;
  state = { ...state, ...changes };
  const target = address();
  if (target !== location.hash) history[step ? "pushState" : "replaceState"](null, "", target);
  for (const follower of followers) follower(state, before);
}

function followAddress() {
  const before = state;
  state = readAddress();
  for (const follower of followers) follower(state, before);
}
window.addEventListener("popstate", followAddress);
window.addEventListener("hashchange", followAddress);

/** Whether any of these parts of the state differ. */
function differs(one, other, keys) {
  return keys.some((key) => JSON.stringify(one[key]) !== JSON.stringify(other[key]));
}
