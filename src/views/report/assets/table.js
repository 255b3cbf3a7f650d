// The table of cells: sorted by any column, filtered by words and status, filled as it is scrolled.

const ROWS_AT_ONCE = 150;

/** Columns: key, name, how to sort and what to show; what takes most room comes last, but for errors. */
const tableColumns = [
  { key: "cell", name: "cell", sorts: (cell) => cellIndex.get(cell.key), shows: (cell) => cell.key },
  ...varying.map((key) => ({ key, name: key, sorts: (cell) => valueIndex(cell, key), shows: (cell) => shortValue(key, valueText(cell, key)) })),
  ...(marks.size ? [{ key: "mark", name: "mark", sorts: (cell) => (isStarred(cell) ? 0 : 1), shows: (cell) => [isStarred(cell) ? "★" : "", noteOf(cell)].filter(Boolean).join(" ") }] : []),
  ...data.words.filter((key) => key === "advice").map(wordColumn),
  { key: "status", name: "status", sorts: (cell) => cell.status, shows: (cell) => cell.status },
  ...(data.cells.some((cell) => cell.error) ? [{ key: "error", name: "error", isLong: true, sorts: (cell) => cell.error ?? "", shows: (cell) => cell.error ?? "" }] : []),
  ...data.words.filter((key) => key !== "advice").map(wordColumn).filter(saysSomething),
  ...numbersByInterest.map((key) => ({ key, name: label(key), isNumber: true, sorts: (cell) => numberOf(cell, key), shows: (cell) => formatNumber(numberOf(cell, key)) })),
];

function wordColumn(key) {
  const index = data.words.indexOf(key);
  const word = (cell) => cell.words?.[index] ?? "";
  return { key, name: label(key), isLong: key === "advice", sorts: word, shows: word };
}

/** A column that says the same of all cells says nothing. */
function saysSomething({ shows }) {
  return new Set(data.cells.filter((cell) => cell.words).map(shows)).size > 1;
}

let tableCells = [];

function startTable() {
  byId("table-find").value = state.find;
  byId("table-status").value = state.status;
  byId("table-find").addEventListener("input", (event) => update({ find: event.target.value }));
  byId("table-status").addEventListener("change", (event) => update({ status: event.target.value }));
  byId("show-failed")?.addEventListener("click", () => update({ view: "table", status: "failed", find: "" }, { step: true }));
  byId("show-advised")?.addEventListener("click", () => update({ view: "table", status: "", find: "advised:" }, { step: true }));
  byId("copy-keys").addEventListener("click", () => copyFromTable(tableCells.map((cell) => cell.key).join("\n"), "keys"));
  byId("copy-sheet").addEventListener("click", () => copyFromTable(sheetCommand(), "cells"));
  byId("download-rows").addEventListener("click", downloadRows);
  follow((now, before) => {
    if (now.view === "table" && (before.view !== "table" || differs(now, before, ["sort", "find", "status", "hidden"]))) renderTable();
  });
  if (state.view === "table") renderTable();
}

function renderTable() {
  if (document.activeElement !== byId("table-find")) byId("table-find").value = state.find;
  byId("table-status").value = state.status;
  tableCells = sortedCells(shownCells(state).filter(isFound));
  byId("table-count").textContent = `${tableCells.length} of ${data.cells.length} cells`;
  const focused = document.activeElement?.dataset?.sort;
  const body = element("tbody");
  byId("table").replaceChildren(element("thead", {}, element("tr", {}, ...tableColumns.map(tableHead))), body);
  if (focused) byId("table").querySelector(`[data-sort="${focused}"]`)?.focus();
  appendRows(body, 0);
}

/** `ssim > 0.6` among the words that are looked for. */
const COMPARISON = /([a-z_]+)\s*(<=|>=|<|>|=)\s*(-?\d+(?:\.\d+)?)/gi;
const COMPARES = { "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "=": (a, b) => a === b };

/** What is looked for: comparisons of numbers that cells have, and the words besides. */
function searched(find) {
  const comparisons = [];
  const words = find.replace(COMPARISON, (text, key, sign, number) => {
    if (!plottable.includes(key) && !NUMERIC_PARAMETERS.includes(key)) return text;
    comparisons.push((cell) => {
      const value = numberOf(cell, key);
      return value !== undefined && COMPARES[sign](value, Number(number));
    });
    return " ";
  });
  return { comparisons, words: words.split(/\s+/).filter(Boolean) };
}

function isFound(cell) {
  if (state.status === "starred" ? !isStarred(cell) : state.status && cell.status !== state.status) return false;
  const { comparisons, words } = searched(state.find);
  if (!comparisons.every((holds) => holds(cell))) return false;
  if (!words.length) return true;
  const text = searchedText(cell);
  return words.every((word) => word === cell.key || wordPattern(word).test(text));
}

/** The words of a row, without the hash that ends each key: no word or number is meant to be found in one. */
function searchedText(cell) {
  const withoutHash = (key) => key.split("-").slice(0, -1).join("-");
  const named = (text) => text.replace(/\S+$/, (key) => (cellIndex.has(key) ? withoutHash(key) : key));
  const columns = tableColumns.filter((column) => !column.isNumber && column.key !== "cell");
  return [withoutHash(cell.key), ...columns.map((column) => named(column.shows(cell)))].join("\n");
}

/** A word is found anywhere, but for its digits at an end, which are whole numbers: 43 is neither in 1.43 nor in 430, 7 is 7.0. */
function wordPattern(word) {
  const literal = word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const before = /^\d/.test(word) ? "(?<![\\p{L}\\p{N}]|\\d\\.)" : "";
  const after = /\d$/.test(word) ? "(?![\\p{L}\\p{N}]|\\.\\d*[1-9])" : "";
  return new RegExp(`${before}${literal}${after}`, "iu");
}

async function copyFromTable(text, what) {
  let told = `Copied ${tableCells.length} ${what}.`;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    told = "The browser does not let the page copy.";
  }
  byId("table-count").textContent = told;
}

/** Draws a contact sheet of the cells of the table. */
function sheetCommand() {
  const folder = decodeURIComponent(location.pathname).replace(/\/report\/[^/]*$/, "");
  const isPlain = /^[\w./:-]+$/.test(folder);
  const run = isPlain ? folder : `'${folder.replaceAll("'", "'\\''")}'`;
  return `ip2p sheet ${run} --only ${tableCells.map((cell) => cell.key).join(" ")}`;
}

/** The rows as they are shown, as CSV. Text that a spreadsheet would compute is quoted by an apostrophe. */
function downloadRows() {
  const safe = (text) => (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text);
  const field = (text) => `"${safe(String(text)).replaceAll('"', '""')}"`;
  const value = (column, cell) => (column.isNumber ? numberOf(cell, column.key) ?? "" : column.shows(cell));
  const lines = [tableColumns.map((column) => field(column.key)), ...tableCells.map((cell) => tableColumns.map((column) => field(value(column, cell))))];
  const url = URL.createObjectURL(new Blob([lines.map((line) => line.join(",")).join("\r\n")], { type: "text/csv" }));
  element("a", { href: url, download: `${data.name}-chosen.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** By the column in the state; a minus before its key turns the order. What was not measured comes last. */
function sortedCells(cells) {
  const isDown = state.sort.startsWith("-");
  const column = tableColumns.find((column) => column.key === state.sort.replace(/^-/, ""));
  if (!column) return cells;
  const order = isDown ? -1 : 1;
  const isAbsent = (value) => value === undefined || value === "";
  return [...cells].sort((one, other) => {
    const [a, b] = [column.sorts(one), column.sorts(other)];
    if (isAbsent(a) || isAbsent(b)) return isAbsent(a) - isAbsent(b);
    return a < b ? -order : a > b ? order : 0;
  });
}

function tableHead(column) {
  const isSorted = state.sort.replace(/^-/, "") === column.key;
  const direction = isSorted ? (state.sort.startsWith("-") ? "descending" : "ascending") : "none";
  const next = isSorted && direction === "ascending" ? `-${column.key}` : column.key;
  return element("th", { scope: "col", "aria-sort": direction, class: column.isNumber ? "number" : undefined },
    element("button", { type: "button", "data-sort": column.key, text: column.name, onclick: () => update({ sort: next }) }));
}

/** Appends some rows, and the rest when their end comes into sight. */
function appendRows(body, start) {
  const end = Math.min(tableCells.length, start + ROWS_AT_ONCE);
  body.append(...tableCells.slice(start, end).map(tableRow));
  if (end === tableCells.length) return;
  const more = element("button", { type: "button", class: "link", text: `${tableCells.length - end} more` });
  const row = element("tr", {}, element("td", { colspan: tableColumns.length }, more));
  const go = () => {
    watcher.disconnect();
    row.remove();
    if (body.isConnected) appendRows(body, end);
  };
  const watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && go(), { rootMargin: "600px" });
  more.addEventListener("click", go);
  watcher.observe(row);
  body.append(row);
}

function tableRow(cell) {
  const row = element("tr", { class: cell.status });
  for (const column of tableColumns) {
    const text = column.shows(cell);
    if (column.key === "cell") {
      const open = element("button", { type: "button", class: "link", text, title: text, onclick: () => openCell(cellIndex.get(cell.key)) });
      row.append(element("th", { scope: "row" }, open));
    } else {
      row.append(element("td", { class: column.isNumber ? "number" : column.isLong ? "long" : undefined }, foreign(text)));
    }
  }
  return row;
}
