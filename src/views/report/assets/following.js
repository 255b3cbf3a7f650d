// A run that goes on: the page loads itself again, and says how long the rest will take.

const FOLLOW_EVERY_MS = 15_000;
/** A run whose last cell is older than this has stopped, or its cells take longer than anyone watches. */
const FOLLOW_FOR_MS = 30 * 60_000;
const SCROLLED = "ip2p scrolled";

function startFollowing() {
  restoreScroll();
  const box = byId("follow");
  if (!box) return;
  const finished = finishedCells();
  byId("time-left").textContent = timeLeft(finished);
  const latest = Date.parse(finished.at(-1)?.finished ?? "");
  if (!(Date.now() - latest < FOLLOW_FOR_MS)) box.checked = false;
  setInterval(() => {
    const isBusy = byId("viewer").open || document.hidden || document.activeElement?.matches("input, textarea, select");
    if (box.checked && !isBusy) reload();
  }, FOLLOW_EVERY_MS);
}

/** What is shown is in the address; only where the grid was scrolled to is not. */
function reload() {
  const grid = byId("grid");
  try {
    sessionStorage.setItem(SCROLLED, JSON.stringify([grid.scrollLeft, grid.scrollTop]));
  } catch {
    // Then it begins at its top.
  }
  location.reload();
}

function restoreScroll() {
  try {
    const [left, top] = JSON.parse(sessionStorage.getItem(SCROLLED) ?? "[0, 0]");
    sessionStorage.removeItem(SCROLLED);
    byId("grid").scrollTo(left, top);
  } catch {
    // As above.
  }
}

/** By the pace of the cells that are there. */
function timeLeft(finished) {
  const waiting = data.cells.filter((cell) => cell.status === "waiting").length;
  const span = Date.parse(finished.at(-1)?.finished ?? "") - Date.parse(finished[0]?.finished ?? "");
  if (finished.length < 3 || !(span > 0)) return "";
  const seconds = Math.round(waiting * span / (finished.length - 1) / 1000);
  if (seconds < 90) return `about ${seconds} s left`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `about ${minutes} min left` : `about ${Math.round(minutes / 60)} h left`;
}
