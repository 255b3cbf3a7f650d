// Which axis is on which side, which values are shown, how large cells are.

const SIDE_NAMES = { rows: "Rows", columns: "Columns", superRows: "Super-rows", superColumns: "Super-columns", merge: "Within a cell" };

/** In the order in which they are seen: what is on which side, then what of the rest and how it is shown. */
const controls = {
  sides: element("div", { class: "fields foldable" }),
  rest: element("div", { class: "rest" }),
  values: element("div", { class: "values" }),
  valuesSummary: element("summary"),
  popover: element("details", { class: "popover", id: "values" }),
  /** On a narrow screen the sides wait behind this. */
  fold: element("button", { type: "button", class: "fold", "aria-expanded": false, text: "Arrange" }),
  grid: element("div", { class: "fields" }),
};

function startControls() {
  const { popover } = controls;
  popover.append(controls.valuesSummary, controls.values);
  popover.hidden = data.axes.length === 0;
  startPopover(popover);
  byId("axes").append(controls.sides, element("div", { class: "fields" }, controls.rest, controls.fold, controls.grid));
  controls.grid.append(scoreField(), sizeField(), saveButton());
  controls.fold.addEventListener("click", () => {
    const isOpen = byId("axes").classList.toggle("unfolded");
    controls.fold.setAttribute("aria-expanded", isOpen);
  });
  renderControls();
  follow((now, before) => {
    if (differs(now, before, ["view", "hidden", "at", ...SIDES])) renderControls();
    byId("size").value = cellSize(now);
    byId("caption").value = now.caption;
  });
}

/** Closes by a click elsewhere and by Escape. */
function startPopover(popover) {
  document.addEventListener("click", (event) => {
    if (!event.composedPath().includes(popover)) popover.open = false;
  });
  popover.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    popover.open = false;
    popover.querySelector("summary").focus();
  });
}

function renderControls() {
  const focused = document.activeElement?.id;
  const isTable = state.view === "table";
  byId("axes").hidden = !["grid", "plots"].includes(state.view) || data.axes.length === 0;
  controls.grid.hidden = state.view !== "grid";
  placeValues(isTable ? byId("columns") : controls.fold);
  controls.sides.replaceChildren(...SIDES.filter(isUseful).map(sideField));
  controls.rest.replaceChildren(...restAxes(state).map(restField));
  controls.values.replaceChildren(...data.axes.map(valuesField));
  const hidden = Object.values(state.hidden).reduce((sum, values) => sum + values.length, 0);
  controls.valuesSummary.textContent = hidden ? `Values (${hidden} hidden)` : "Values";
  if (focused) byId(focused)?.focus();
}

/** The values to show are chosen in one row with the other fields, before one of them. */
function placeValues(next) {
  if (next.previousElementSibling !== controls.popover) next.before(controls.popover);
}

/** Two axes need no more than two sides. */
function isUseful(side) {
  return SIDES.indexOf(side) < 2 || data.axes.length > 2 || defaults[side] !== "";
}

function sideField(side) {
  const options = [["", "–"], ...data.axes.map((axis) => [axis, axis])];
  return selectField(SIDE_NAMES[side], options, state[side], (axis) => putAxis(axis, side), `side-${side}`);
}

/** Puts an axis on a side; where it was before takes what it replaces. */
function putAxis(axis, side) {
  const changes = { [side]: axis };
  const other = SIDES.find((other) => other !== side && axis && state[other] === axis);
  if (other) changes[other] = state[side];
  update(changes);
}

function restField(axis) {
  const options = shownValues(state, axis).map((index) => [String(index), shortValue(axis, valuesOf(axis)[index])]);
  const choose = (value) => update({ at: { ...state.at, [axis]: Number(value) } });
  return selectField(axis, options, String(chosenValue(state, axis)), choose, `at-${axis}`);
}

function valuesField(axis) {
  const shown = shownValues(state, axis);
  const chips = valuesOf(axis).map((text, index) => {
    const isShown = shown.includes(index);
    const box = element("input", {
      type: "checkbox", id: `value-${axis}-${index}`, checked: isShown,
      disabled: isShown && shown.length === 1,
      onchange: () => toggleValue(axis, index),
    });
    return element("label", { class: "chip", title: text }, box, foreign(shortValue(axis, text)));
  });
  return element("fieldset", {}, element("legend", { text: axis }), element("div", { class: "chips" }, ...chips));
}

function toggleValue(axis, index) {
  const hidden = state.hidden[axis] ?? [];
  const next = hidden.includes(index) ? hidden.filter((other) => other !== index) : [...hidden, index];
  update({ hidden: { ...state.hidden, [axis]: next } });
}

/** A number of each cell, written on it or as the tint of its frame. */
function scoreField() {
  const field = selectField("Score", [["", "none"]], "", (caption) => update({ caption }), "caption");
  const group = (name, prefix) => element("optgroup", { label: name },
    ...numbersByInterest.map((key) => element("option", { value: `${prefix}${key}`, text: label(key) })));
  const select = field.querySelector("select");
  select.append(group("as caption", ""), group("as tint", TINT));
  select.value = state.caption;
  sizeToOptions(field, select);
  return field;
}

function sizeField() {
  const slider = element("input", {
    type: "range", id: "size", min: SIZE.least, max: SIZE.most, step: SIZE.step, value: cellSize(state),
    oninput: () => update({ size: Number(slider.value) }),
  });
  return element("label", { class: "field" }, element("span", { text: "Cell size" }), slider);
}
