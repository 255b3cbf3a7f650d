// Commands of ip2p that do what a page cannot, to be copied: names are quoted for a shell.

/** Whether the browser let the page copy. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** The run folder as this browser sees it; where the page stands alone, a word to be replaced. */
function runFolder() {
  if (!data.base) return "RUN";
  return quoted(decodeURIComponent(new URL(`${data.base}/`, location.href).pathname).replace(/\/+$/, ""));
}

function quoted(word) {
  return /^[\w./:=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Draws a contact sheet of these cells. */
function sheetCommand(cells, flags = []) {
  const stage = data.stage ? ["--stage", quoted(data.stage)] : [];
  return ["ip2p sheet", runFolder(), ...stage, ...flags, "--only", ...cells.map((cell) => cell.key)].join(" ");
}

/** Draws what the grid shows, with the axes where they are. */
function viewCommand() {
  const names = { rows: "--rows", columns: "--columns", superRows: "--super-rows", superColumns: "--super-columns", merge: "--merge" };
  return sheetCommand(cellsOf(layout), SIDES.filter((side) => state[side]).flatMap((side) => [names[side], state[side]]));
}

function refineCommand(cell) {
  return ["ip2p refine", runFolder(), cell.key].join(" ");
}

/** Makes an animation along an axis. */
function animateCommand(cell, axis) {
  return ["ip2p animate", runFolder(), cell.key, "--along", axis].join(" ");
}
