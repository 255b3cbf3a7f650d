// One cell large: pictures, parameters, measurements, its sweep file, and the way to its neighbours.

let viewed = null;
let currentPane;
let pinnedPane;

function startViewer() {
  const viewer = byId("viewer");
  currentPane = createPane();
  pinnedPane = createPane();
  startStage(byId("panes"));
  viewer.addEventListener("keydown", viewerKey);
  // The event comes after the fact: the next cell may be open by then.
  viewer.addEventListener("close", () => {
    if (state.cell && !viewer.open) leaveViewer();
  });
  byId("viewer-close").addEventListener("click", leaveViewer);
  byId("pin").addEventListener("click", togglePin);
  byId("against").addEventListener("change", (event) => update({ against: event.target.checked ? "pin" : "" }));
  viewer.querySelectorAll("[data-mode]").forEach((button) => {
    if (button.type === "button") button.addEventListener("click", () => update({ mode: button.dataset.mode }));
  });
  viewer.querySelectorAll("[data-move]").forEach((button) => {
    button.addEventListener("click", () => moveViewer(button.dataset.move));
  });
  follow((now, before) => {
    if (differs(now, before, ["cell", "pin", "against", "mode", "hidden", "at", ...SIDES])) renderViewer();
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
  byId("against-field").hidden = !pinnedBeside(cell);
  byId("against").checked = Boolean(against);
  byId("split-field").hidden = mode !== "slider";
  byId("gain-field").hidden = mode !== "difference";
  const missing = data.inputs[cell.input]?.missing;
  byId("stage-note").textContent = missing ? `The input image cannot be shown: ${missing}.` : "";
  byId("pin").setAttribute("aria-pressed", state.pin === cell.key);
  byId("pin").textContent = state.pin && state.pin !== cell.key ? "Unpin" : "Pin";
  byId("viewer").querySelectorAll("[data-move]").forEach((button) => {
    button.disabled = neighbour(gridLayout(state), cellIndex.get(cell.key), button.dataset.move) === undefined;
  });
}

function renderPanes(cell) {
  const pinned = pinnedBeside(cell);
  const against = comparedWith(cell);
  const title = pinned ? difference(cell, pinned) : "";
  currentPane.show(cell, state.mode, against ? `${title} with ${difference(pinned, cell)} (pinned)` : title, against);
  const isPair = pinned && !against;
  if (isPair) pinnedPane.show(pinned, state.mode, `pinned: ${difference(pinned, cell)}`);
  byId("panes").replaceChildren(...(isPair ? [pinnedPane.element] : []), currentPane.element);
}

/** The pinned cell, where another one is looked at. */
function pinnedBeside(cell) {
  const pinned = data.cells[cellIndex.get(state.pin)];
  return pinned === cell ? undefined : pinned;
}

/** The pinned cell, where it takes the place of the input. */
function comparedWith(cell) {
  const pinned = state.against ? pinnedBeside(cell) : undefined;
  return pinned?.image ? pinned : undefined;
}

/** The varying values, those that need no name without it. */
function cellTitle(cell) {
  if (!data.axes.length) return [foreign(data.name)];
  return data.axes.flatMap((axis, index) => {
    const value = foreign(shortValue(axis, valueText(cell, axis)));
    const words = NUMERIC_PARAMETERS.includes(axis) ? [axis.replace("_scale", "").replaceAll("_", " "), "\u00a0"] : [];
    return [index ? " · " : "", ...words, value];
  });
}

/** What a cell has that another has not. */
function difference(cell, other) {
  const axes = data.axes.filter((axis) => valueIndex(cell, axis) !== valueIndex(other, axis));
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
      cell.image ? element("a", { class: "button", href: cell.image, target: "_blank", rel: "noopener", text: "Image file" }) : undefined),
    element("p", { id: "copied", class: "muted", role: "status" }),
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
  try {
    await navigator.clipboard.writeText(toml.value);
    byId("copied").textContent = "Copied.";
  } catch {
    toml.closest("details").open = true;
    toml.focus();
    toml.select();
    byId("copied").textContent = "The browser does not let the page copy. The text is selected below: copy it from there.";
  }
}

function togglePin() {
  update({ pin: state.pin ? "" : state.cell });
}

function moveViewer(direction) {
  const next = neighbour(gridLayout(state), cellIndex.get(state.cell), direction);
  if (next !== undefined) update({ cell: data.cells[next].key });
}

function viewerKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const isTyping = event.target.matches("input, textarea, select");
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
    p: togglePin, c: copyToml, s: () => toggleStar(viewed),
    "+": () => setZoom(zoom.level * 1.5), "=": () => setZoom(zoom.level * 1.5),
    "-": () => setZoom(zoom.level / 1.5), 0: () => setZoom(1),
  }[key.toLowerCase()];
}
