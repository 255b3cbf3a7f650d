// Stars and notes of the reader's, kept in this browser for runs of this name.

const MARKS = `ip2p marks of ${data.name}`;
const marks = readMarks();

function readMarks() {
  try {
    const kept = JSON.parse(localStorage.getItem(MARKS) ?? "{}");
    return new Map(Object.entries(kept));
  } catch {
    // Some browsers keep nothing for files: marks last as long as the page then.
    return new Map();
  }
}

function isStarred(cell) {
  return Boolean(marks.get(cell.key)?.star);
}

function noteOf(cell) {
  return marks.get(cell.key)?.note ?? "";
}

function mark(cell, changes) {
  const next = { ...marks.get(cell.key), ...changes };
  if (next.star || next.note) marks.set(cell.key, next);
  else marks.delete(cell.key);
  try {
    localStorage.setItem(MARKS, JSON.stringify(Object.fromEntries(marks)));
  } catch {
    // As above.
  }
  showMark(cell);
}

/** On the tile of the grid, if it is laid out. */
function showMark(cell) {
  const index = cellIndex.get(cell.key);
  const tile = byId("grid").querySelector(`[data-cell="${index}"]`);
  tile?.setAttribute("class", tileClass(cell));
  tile?.setAttribute("aria-label", tileWords(cell));
}

function toggleStar(cell) {
  mark(cell, { star: !isStarred(cell) });
  const button = byId("star");
  button?.setAttribute("aria-pressed", isStarred(cell));
}

/** In the large view. */
function markFields(cell) {
  const star = element("button", { type: "button", id: "star", "aria-pressed": String(isStarred(cell)), text: "★ Star", onclick: () => toggleStar(cell) });
  const note = element("textarea", { id: "note", class: "note", rows: 2, placeholder: "Note", "aria-label": "Note on this cell", oninput: () => mark(cell, { note: note.value.trim() }) });
  note.value = noteOf(cell);
  return element("div", { class: "marks" }, element("div", { class: "buttons" }, star), note);
}
