// The table of cells: sorted by any column, filtered by words and status, filled as it is scrolled.

const ROWS_AT_ONCE = 150;

/** Columns: key, name, how to sort and what to show, all of it in `says`; what takes most room comes last, but for errors. */
const tableColumns = [
  { key: "cell", name: "cell", sorts: (cell) => cellIndex.get(cell.key), shows: (cell) => cell.key },
  { key: "picture", name: "picture", sorts: (cell) => cellIndex.get(cell.key), shows: () => "" },
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
  if (key === "advice") return { key, name: key, sorts: word, shows: (cell) => shortAdvice(word(cell)), says: word };
  return { key, name: label(key), sorts: word, shows: word };
}

/** What was found, and what to try, without the numbers between them. */
function shortAdvice(advice) {
  return advice.replace(/\s*\([^)]*\)/, "").replace(/, as in \S+$/, "").replace(/^(advised): .*/, "$1");
}

/** The columns that were not put away. */
function shownColumns() {
  const without = state.without.split(" ");
  return tableColumns.filter((column) => column.key === "cell" || !without.includes(column.key));
}

function renderColumnChoice() {
  const shown = shownColumns();
  const chips = tableColumns.filter((column) => column.key !== "cell").map((column) => {
    const box = element("input", { type: "checkbox", id: `column-${column.key}`, checked: shown.includes(column), onchange: () => toggleColumn(column.key) });
    return element("label", { class: "chip" }, box, element("bdi", { text: column.name }));
  });
  const focused = document.activeElement?.id;
  byId("column-choice").replaceChildren(element("div", { class: "chips" }, ...chips));
  if (focused?.startsWith("column-")) byId(focused)?.focus();
}

function toggleColumn(key) {
  const without = state.without.split(" ").filter(Boolean);
  const next = without.includes(key) ? without.filter((other) => other !== key) : [...without, key];
  update({ without: next.join(" ") });
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
  byId("copy-sheet").addEventListener("click", () => copyFromTable(sheetCommand(tableCells), "cells"));
  startPopover(byId("columns"));
  byId("download-rows").addEventListener("click", downloadRows);
  follow((now, before) => {
    if (now.view === "table" && (before.view !== "table" || differs(now, before, ["sort", "find", "status", "hidden", "without"]))) renderTable();
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
  byId("table").replaceChildren(element("thead", {}, element("tr", {}, ...shownColumns().map(tableHead))), body);
  renderColumnChoice();
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
  return [withoutHash(cell.key), ...columns.map((column) => named((column.says ?? column.shows)(cell)))].join("\n");
}

/** A word is found anywhere, but for its digits at an end, which are whole numbers: 43 is neither in 1.43 nor in 430, 7 is 7.0. */
function wordPattern(word) {
  const literal = word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const before = /^\d/.test(word) ? "(?<![\\p{L}\\p{N}]|\\d\\.)" : "";
  const after = /\d$/.test(word) ? "(?![\\p{L}\\p{N}]|\\.\\d*[1-9])" : "";
  return new RegExp(`${before}${literal}${after}`, "iu");
}

async function copyFromTable(text, what) {
  const isCopied = await copyText(text);
  byId("table-count").textContent = isCopied ? `Copied ${tableCells.length} ${what}.` : "The browser does not let the page copy.";
}

/** The rows as they are shown, as CSV. Text that a spreadsheet would compute is quoted by an apostrophe. */
function downloadRows() {
  const safe = (text) => (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text);
  const field = (text) => `"${safe(String(text)).replaceAll('"', '""')}"`;
  const value = (column, cell) => (column.isNumber ? numberOf(cell, column.key) ?? "" : (column.says ?? column.shows)(cell));
  const columns = shownColumns().filter((column) => column.key !== "picture");
  const lines = [columns.map((column) => field(column.key)), ...tableCells.map((cell) => columns.map((column) => field(value(column, cell))))];
  saveFile(new Blob([lines.map((line) => line.join(",")).join("\r\n")], { type: "text/csv" }), `${data.name}-chosen.csv`);
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
  const row = element("tr", {}, element("td", { colspan: shownColumns().length }, more));
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
  for (const column of shownColumns()) {
    const text = column.shows(cell);
    if (column.key === "cell") {
      const open = element("button", { type: "button", class: "link", text, title: text, onclick: () => openCell(cellIndex.get(cell.key)) });
      row.append(element("th", { scope: "row" }, open));
    } else if (column.key === "picture") {
      const source = cell.thumbnail ?? cell.image;
      row.append(element("td", { class: "thumb" }, source ? element("img", { src: source, alt: "", loading: "lazy", decoding: "async", width: cell.width, height: cell.height }) : undefined));
    } else {
      row.append(element("td", { title: column.says?.(cell), class: column.isNumber ? "number" : column.isLong ? "long" : undefined }, foreign(text)));
    }
  }
  return row;
}
