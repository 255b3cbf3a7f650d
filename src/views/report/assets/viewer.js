// One cell large: pictures, parameters, measurements, its sweep file, and the way to its neighbours.

let viewed = null;
let currentPane;
let pinnedPanes = [];

function startViewer() {
  const viewer = byId("viewer");
  currentPane = createPane();
  pinnedPanes = Array.from({ length: MOST_PINS }, createPane);
  startStage(byId("panes"));
  viewer.addEventListener("keydown", viewerKey);
  // The event comes after the fact: the next cell may be open by then.
  viewer.addEventListener("close", () => {
    if (state.cell && !viewer.open) leaveViewer();
  });
  byId("viewer-close").addEventListener("click", leaveViewer);
  byId("pin").addEventListener("click", () => togglePin(viewed));
  byId("first").addEventListener("change", (event) => update({ first: event.target.checked ? "yes" : "" }));
  byId("mask").addEventListener("change", (event) => update({ mask: event.target.checked ? "yes" : "" }));
  byId("against").addEventListener("change", (event) => update({ against: event.target.value }));
  viewer.querySelectorAll("[data-mode]").forEach((button) => {
    if (button.type === "button") button.addEventListener("click", () => update({ mode: button.dataset.mode }));
  });
  viewer.querySelectorAll("[data-move]").forEach((button) => {
    button.addEventListener("click", () => moveViewer(button.dataset.move));
  });
  follow((now, before) => {
    if (differs(now, before, ["cell", "pin", "against", "mode", "first", "mask", "hidden", "at", ...SIDES])) renderViewer();
  });
  renderViewer();
}

/** Opens a cell by its index, and brings it into the grid if other values were chosen there. */
function openCell(index) {
  const cell = data.cells[index];
  const isHidden = placeOf(layout, index) === null;
  update({ ...(isHidden ? stateShowing(state, cell) : {}), cell: cell.key }, { step: true });
}

function leaveViewer() {
  const index = cellIndex.get(state.cell);
  update({ cell: "" });
  if (state.view === "grid") focusTile(index);
}

function renderViewer() {
  const viewer = byId("viewer");
  const index = cellIndex.get(state.cell);
  if (index === undefined) {
    viewed = null;
    if (viewer.open) viewer.close();
    return;
  }
  const cell = data.cells[index];
  if (!viewer.open) {
    viewer.showModal();
    // Else the first button would have the focus, and its ring all the attention.
    viewer.focus();
    setZoom(1);
  }
  renderHead(cell);
  renderPanes(cell);
  if (viewed !== cell) renderInfo(cell);
  viewed = cell;
}

function renderHead(cell) {
  byId("viewer-title").replaceChildren(...cellTitle(cell));
  const against = comparedWith(cell);
  const mode = usableMode(cell, state.mode, against);
  byId("viewer").querySelectorAll(".segments [data-mode]").forEach((button) => {
    button.setAttribute("aria-pressed", button.dataset.mode === mode);
    button.disabled = usableMode(cell, button.dataset.mode, against) !== button.dataset.mode;
  });
  byId("viewer").querySelector('.segments [data-mode="input"]').textContent = against ? "Pinned" : "Input";
  byId("split-before").textContent = against ? "Pinned" : "Input";
  byId("split-after").textContent = against ? "This cell" : "Output";
  byId("split").setAttribute("aria-label", `Share of the picture that shows the ${against ? "pinned cell" : "input"}, percent`);
  renderAgainst(cell, against);
  byId("first-field").hidden = pathOf(cell.key).length < 2;
  byId("first").checked = Boolean(state.first);
  byId("mask-field").hidden = data.masks?.[cell.mask] === undefined;
  byId("mask").checked = Boolean(state.mask);
  byId("split-field").hidden = mode !== "slider";
  byId("gain-field").hidden = mode !== "difference";
  const missing = data.inputs[cell.input]?.missing;
  byId("stage-note").textContent = missing ? `The input image cannot be shown: ${missing}.` : "";
  const isPinned = pinsOf(state).includes(cell.key);
  byId("pin").setAttribute("aria-pressed", isPinned);
  byId("pin").textContent = isPinned ? "Unpin" : "Pin";
  byId("pin").disabled = !isPinned && pinsOf(state).length === MOST_PINS;
  byId("viewer").querySelectorAll("[data-move]").forEach((button) => {
    button.disabled = neighbour(gridLayout(state), cellIndex.get(cell.key), button.dataset.move) === undefined;
  });
}

/** What the cell can be compared with: its input, or a pinned cell. */
function renderAgainst(cell, against) {
  const pinned = pinnedBeside(cell);
  byId("against-field").hidden = !pinned.length;
  const options = [["", "input"], ...pinned.map((other) => [other.key, `pinned: ${difference(other, [cell])}`])];
  byId("against").replaceChildren(...options.map(([value, text]) => element("option", { value, text })));
  byId("against").value = against?.key ?? "";
}

function renderPanes(cell) {
  const against = comparedWith(cell);
  const pinned = against ? [] : pinnedBeside(cell);
  const titleOf = (shown) => difference(shown, [cell, ...pinnedBeside(cell)]);
  currentPane.show(cell, state.mode, against ? `${difference(cell, [against])} with ${difference(against, [cell])} (pinned)` : titleOf(cell), against);
  const panes = pinned.map((other, index) => {
    pinnedPanes[index].show(other, state.mode, `pinned: ${titleOf(other)}`);
    return pinnedPanes[index].element;
  });
  const count = panes.length + 1;
  setStyle(byId("panes"), { "--across": count < 4 ? count : Math.ceil(count / 2) });
  byId("panes").replaceChildren(...panes, currentPane.element);
}

/** The pinned cells beside the one that is looked at. */
function pinnedBeside(cell) {
  return pinsOf(state).filter((key) => key !== cell.key).map((key) => data.cells[cellIndex.get(key)]);
}

/** The pinned cell that takes the place of the input. */
function comparedWith(cell) {
  return pinnedBeside(cell).find((pinned) => pinned.key === state.against && pinned.image);
}

/** The varying values, those that need no name without it. */
function cellTitle(cell) {
  if (!data.axes.length) return [foreign(data.name)];
  return data.axes.flatMap((axis, index) => {
    const value = foreign(shortValue(axis, valueText(cell, axis)));
    const words = NUMERIC_PARAMETERS.includes(axis) ? [axis, "\u00a0"] : [];
    return [index ? " · " : "", ...words, value];
  });
}

/** What a cell has that one of the others has not. */
function difference(cell, others) {
  const axes = data.axes.filter((axis) => others.some((other) => valueIndex(cell, axis) !== valueIndex(other, axis)));
  return axes.map((axis) => `${axis} ${shortValue(axis, valueText(cell, axis))}`).join(", ");
}

function renderInfo(cell) {
  const toml = element("textarea", { id: "toml", readonly: true, rows: 12, spellcheck: "false", "aria-label": "The cell as a sweep file" });
  toml.value = cellToml(cell);
  const shownToml = element("details", {}, element("summary", { text: "Sweep file of this cell" }), toml);
  byId("viewer-info").replaceChildren(...[
    statusNote(cell),
    adviceNote(cell),
    element("div", { class: "buttons" },
      element("button", { type: "button", id: "copy-toml", class: "primary", text: "Copy as TOML", onclick: copyToml }),
      element("button", { type: "button", id: "refine", text: "Refine here", title: "Copy the command that makes a sweep with finer steps around this cell", onclick: () => copyCommand(refineCommand(cell)) }),
      cell.image ? element("a", { class: "button", href: cell.image, target: "_blank", rel: "noopener", text: "Image file" }) : undefined),
    element("p", { id: "copied", class: "muted", role: "status" }),
    element("textarea", { id: "command", class: "command", readonly: true, rows: 3, hidden: true, spellcheck: "false", "aria-label": "Command to copy" }),
    data.chain ? chainStrip(cell) : undefined,
    markFields(cell),
    facts("Parameters", data.parameters.map(({ key }) => [key, valueText(cell, key)]).filter(([, text]) => text !== "")),
    facts("Measured", numbersByInterest.map((key) => [label(key), formatNumber(numberOf(cell, key))]).filter(([, text]) => text !== "–")),
    facts("Made", madeWith(cell)),
    shownToml,
  ].filter(Boolean));
}

function statusNote(cell) {
  if (cell.status === "failed") return element("p", { class: "notice bad" }, "Failed: ", foreign(cell.error ?? "no reason was recorded"));
  if (cell.status === "waiting") return element("p", { class: "notice", text: "This cell is not there yet. Refresh the page while the run goes on." });
  return undefined;
}

/** What is advised, the cell that it names within reach. */
function adviceNote(cell) {
  const advice = cell.words?.[data.words.indexOf("advice")];
  if (!advice) return undefined;
  const [words, key] = advice.split(/ (?=\S+$)/);
  const example = cellIndex.get(key);
  const text = `${words.charAt(0).toUpperCase()}${words.slice(1)} `;
  return element("p", { class: cell.advised ? "notice good" : "notice" }, text,
    example === undefined ? key : element("button", { type: "button", class: "link", text: key, onclick: () => openCell(example) }),
    element("small", { class: "muted", text: cell.advised ? "By CLIP and the captions of the sweep." : "Measured on pixels, which know nothing of the instruction." }));
}

function madeWith(cell) {
  const words = data.words.map((key, index) => [label(key), cell.words?.[index] ?? ""]).filter(([key]) => key !== "advice");
  return [
    ["cell", cell.key],
    ["size", `${cell.width} × ${cell.height}`],
    ["same pixels as", cell.same_as ?? ""],
    ["finished", (cell.finished ?? "").replace("T", " ").replace(/(\.\d+)?Z$/, " UTC")],
    ...words,
  ].filter(([, text]) => text);
}

function facts(title, pairs) {
  if (!pairs.length) return undefined;
  const rows = pairs.map(([key, text]) => element("div", {}, element("dt", { text: key }), element("dd", {}, foreign(text))));
  return element("section", {}, element("h3", { text: title }), element("dl", { class: "facts" }, ...rows));
}

async function copyToml() {
  const toml = byId("toml");
  if (await copyText(toml.value)) {
    byId("copied").textContent = "Copied.";
  } else {
    toml.closest("details").open = true;
    toml.focus();
    toml.select();
    byId("copied").textContent = "The browser does not let the page copy. The text is selected below: copy it from there.";
  }
}

/** Copies a command; where the browser does not let the page copy, it is shown to be copied by hand. */
async function copyCommand(command) {
  const field = byId("command");
  field.value = command;
  field.hidden = false;
  field.select();
  const isCopied = await copyText(command);
  byId("copied").textContent = isCopied ? "Copied: to be run in a terminal." : "The browser does not let the page copy. The command is selected: copy it from there.";
}

/** Pins a cell or takes it off; of more than four none more. */
function togglePin(cell) {
  const pins = pinsOf(state);
  const next = pins.includes(cell.key) ? pins.filter((key) => key !== cell.key) : [...pins, cell.key].slice(0, MOST_PINS);
  update({ pin: next.join(" "), against: next.includes(state.against) ? state.against : "" });
}

function moveViewer(direction) {
  const next = neighbour(gridLayout(state), cellIndex.get(state.cell), direction);
  if (next !== undefined) update({ cell: data.cells[next].key });
}

function viewerKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const isTyping = event.target.matches("input, textarea, select") || (event.key === " " && event.target.matches("button, a, summary"));
  if (isTyping) return;
  const action = viewerAction(event.key);
  if (!action) return;
  event.preventDefault();
  action();
}

function viewerAction(key) {
  if (ARROWS[key]) return () => moveViewer(ARROWS[key]);
  const mode = MODES[Number(key) - 1];
  if (mode && usableMode(viewed, mode, comparedWith(viewed)) === mode) return () => update({ mode });
  return {
    p: () => togglePin(viewed), c: copyToml, " ": togglePlaying, s: () => toggleStar(viewed),
    "+": () => setZoom(zoom.level * 1.5), "=": () => setZoom(zoom.level * 1.5),
    "-": () => setZoom(zoom.level / 1.5), 0: () => setZoom(1),
  }[key.toLowerCase()];
}
