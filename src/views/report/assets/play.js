// Playing: the large view goes along an axis by itself, from value to value and over again.

const FRAME_MS = 700;
let playing = null;

function startPlaying() {
  byId("play").addEventListener("click", togglePlaying);
  byId("play-axis").addEventListener("change", () => update({ along: byId("play-axis").value }));
  byId("play-save").addEventListener("click", () => copyCommand(animateCommand(viewed, playedAxis())));
  byId("viewer").addEventListener("close", stopPlaying);
  byId("play-axis").append(...data.axes.map((axis) => element("option", { value: axis, text: axis })));
  byId("play-field").hidden = !data.axes.length;
  follow(() => { byId("play-axis").value = playedAxis(); });
  byId("play-axis").value = playedAxis();
}

/** The chosen axis, else that of the columns. */
function playedAxis() {
  return [state.along, state.columns, ...data.axes].find((axis) => data.axes.includes(axis)) ?? "";
}

function togglePlaying() {
  if (playing) return stopPlaying();
  playing = setInterval(showNext, FRAME_MS);
  byId("play").textContent = "Pause";
  showNext();
}

function stopPlaying() {
  clearInterval(playing);
  playing = null;
  byId("play").textContent = "Play";
}

/** The next cell along the axis that has an image; after the last the first. */
function showNext() {
  const frames = framesAlong(data.cells[cellIndex.get(state.cell)], playedAxis());
  if (frames.length < 2) return stopPlaying();
  const next = frames[(frames.findIndex((cell) => cell.key === state.cell) + 1) % frames.length];
  update({ ...stateShowing(state, next), cell: next.key });
}

/** The cells that differ from this one along an axis alone, itself among them. */
function framesAlong(cell, axis) {
  if (!cell || !axis) return [];
  const coordinates = Object.fromEntries(data.axes.map((own) => [own, valueIndex(cell, own)]));
  const cells = shownValues(state, axis).map((value) => data.cells[findCell({ ...coordinates, [axis]: value })]);
  return cells.filter((frame) => frame?.image);
}
