// Pictures side by side with one zoom: before/after slider and heat map of the difference.

const zoom = { level: 1, x: 0, y: 0, most: 32 };

/** A place for one cell's picture. */
function createPane() {
  const before = element("img", { class: "before", alt: "input image", draggable: "false" });
  const after = element("img", { class: "after", alt: "", draggable: "false" });
  const mask = element("img", { class: "mask", alt: "mask", draggable: "false" });
  const picture = element("div", { class: "picture" }, before, after, mask, element("div", { class: "split-line" }));
  const message = element("p", { class: "message" });
  const caption = element("figcaption");
  const pane = element("figure", { class: "pane" }, caption, element("div", { class: "window" }, picture, message));
  /** `against` is a cell whose picture takes the place of the input. */
  const show = (cell, mode, title, against) => {
    const input = against ? against.image : beforeOf(cell);
    const usable = usableMode(cell, mode, against);
    before.alt = against ? `pinned: ${describe(against)}` : "input image";
    caption.textContent = title;
    caption.hidden = !title;
    picture.hidden = usable === "none";
    message.textContent = usable === "none" ? paneMessage(cell) : "";
    message.hidden = usable !== "none";
    picture.dataset.mode = usable;
    setSource(before, input);
    setSource(after, cell.image);
    setSource(mask, state.mask ? data.masks?.[cell.mask] : undefined);
    mask.hidden = !mask.hasAttribute("src");
    after.alt = `output: ${describe(cell)}`;
    setStyle(picture, { "--ratio": cell.width / cell.height, "--pixels": cell.width });
  };
  return { element: pane, show };
}

function setSource(image, source) {
  if (!source) image.removeAttribute("src");
  else if (image.getAttribute("src") !== source) image.src = source;
}

/** The mode, or what comes nearest to it where a picture is missing. */
function usableMode(cell, mode, against) {
  const input = against ? against.image : beforeOf(cell);
  if (!cell.image) return input && mode === "input" ? "input" : "none";
  return input ? mode : "output";
}

function paneMessage(cell) {
  if (cell.status === "failed") return `This cell failed: ${cell.error ?? "no reason was recorded"}`;
  return "This cell is not there yet.";
}

function startStage(panes) {
  panes.addEventListener("pointerdown", drag);
  panes.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomAt(event, zoom.level * Math.exp(-event.deltaY / 400));
  }, { passive: false });
  panes.addEventListener("dblclick", (event) => zoomAt(event, zoom.level > 1 ? 1 : 3));
  byId("zoom-in").addEventListener("click", () => setZoom(zoom.level * 1.5));
  byId("zoom-out").addEventListener("click", () => setZoom(zoom.level / 1.5));
  byId("zoom-fit").addEventListener("click", () => setZoom(1));
  byId("split").addEventListener("input", showSplit);
  byId("gain").value = data.gain;
  byId("gain").addEventListener("input", showGain);
  showSplit();
  showGain();
}

function showSplit() {
  setStyle(byId("panes"), { "--split": `${byId("split").value}%` });
}

function showGain() {
  const gain = Number(byId("gain").value);
  const row = `${gain / 3} ${gain / 3} ${gain / 3} 0 0`;
  byId("heat-gain").setAttribute("values", `${row} ${row} ${row} 0 0 0 1 0`);
  byId("gain-legend").textContent = `0 – ${Math.round(255 / gain)} of 255 levels`;
}

/** Zooms about the middle. */
function setZoom(level) {
  const next = Math.min(zoom.most, Math.max(1, level));
  moveTo(zoom.x * next / zoom.level, zoom.y * next / zoom.level, next);
}

/** Zooms so that what is under the pointer stays there. */
function zoomAt(event, level) {
  const pane = event.target.closest(".window");
  if (!pane) return;
  const box = pane.getBoundingClientRect();
  const next = Math.min(zoom.most, Math.max(1, level));
  const keep = (pointer, offset) => pointer - (pointer - offset) * next / zoom.level;
  moveTo(keep(event.clientX - box.left - box.width / 2, zoom.x), keep(event.clientY - box.top - box.height / 2, zoom.y), next);
}

/** Sets the shared offset, in pixels from the middle, and the zoom of all panes. */
function moveTo(x, y, level = zoom.level) {
  const pane = byId("panes").querySelector(".window");
  const most = (length) => (level - 1) * length / 2;
  const clamp = (value, limit) => Math.min(limit, Math.max(-limit, value));
  zoom.level = level;
  zoom.x = clamp(x, most(pane?.clientWidth ?? 0));
  zoom.y = clamp(y, most(pane?.clientHeight ?? 0));
  setStyle(byId("panes"), { "--zoom": level, "--x": `${zoom.x}px`, "--y": `${zoom.y}px` });
  byId("panes").classList.toggle("sharp", level >= 4);
  byId("zoom-level").textContent = `${Math.round(level * 100)}%`;
}

const pointers = new Map();

/** One pointer moves the slider, or the picture once it is zoomed; two pinch. */
function drag(event) {
  const pane = event.target.closest(".window");
  if (!pane || event.button !== 0) return;
  event.preventDefault();
  pane.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, event);
  const picture = pane.querySelector(".picture");
  const movesSplit = picture.dataset.mode === "slider" && (zoom.level === 1 || isNearSplit(picture, event));
  if (movesSplit) moveSplit(picture, event);
  const move = (now) => {
    const before = pointers.get(now.pointerId);
    if (!before) return;
    if (pointers.size === 2) pinch(now);
    else if (movesSplit) moveSplit(picture, now);
    else moveTo(zoom.x + now.clientX - before.clientX, zoom.y + now.clientY - before.clientY);
    pointers.set(now.pointerId, now);
  };
  const end = (now) => {
    if (now.pointerId !== event.pointerId) return;
    pointers.delete(event.pointerId);
    pane.removeEventListener("pointermove", move);
    pane.removeEventListener("pointerup", end);
    pane.removeEventListener("pointercancel", end);
  };
  pane.addEventListener("pointermove", move);
  pane.addEventListener("pointerup", end);
  pane.addEventListener("pointercancel", end);
}

function isNearSplit(picture, event) {
  const line = picture.querySelector(".split-line").getBoundingClientRect();
  return Math.abs(event.clientX - line.left - line.width / 2) < 24;
}

function moveSplit(picture, event) {
  const box = picture.getBoundingClientRect();
  byId("split").value = 100 * (event.clientX - box.left) / box.width;
  showSplit();
}

function pinch(now) {
  const [other] = [...pointers.values()].filter((pointer) => pointer.pointerId !== now.pointerId);
  const before = pointers.get(now.pointerId);
  const distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  if (now.target.closest(".window")) zoomAt(now, zoom.level * distance(now) / Math.max(1, distance(before)));
}
