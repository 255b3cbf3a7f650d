// A blind vote: which of two cells is better, without their values; then how often each value has won.

const VOTES = `ip2p votes of ${data.name}`;
/** Pairs that are looked at before one is chosen: the one seen least, with the fewest differences. */
const TRIED = 40;

let votes = readVotes();
let pair = null;

function readVotes() {
  try {
    const kept = JSON.parse(localStorage.getItem(VOTES) ?? "[]");
    return kept.filter((vote) => cellIndex.has(vote.left) && cellIndex.has(vote.right));
  } catch {
    // Some browsers keep nothing for files: votes last as long as the page then.
    return [];
  }
}

function startVote() {
  byId("vote-left").addEventListener("click", () => castVote(1));
  byId("vote-right").addEventListener("click", () => castVote(0));
  byId("vote-same").addEventListener("click", () => castVote(0.5));
  byId("vote-undo").addEventListener("click", () => keepVotes(votes.slice(0, -1)));
  byId("vote-clear").addEventListener("click", () => keepVotes([]));
  byId("view-vote").addEventListener("keydown", (event) => {
    const share = { ArrowLeft: 1, ArrowRight: 0, "=": 0.5 }[event.key];
    if (share === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    castVote(share);
  });
  follow((now, before) => {
    if (now.view === "vote" && (before.view !== "vote" || differs(now, before, ["hidden"]))) renderVote();
  });
  if (state.view === "vote") renderVote();
}

/** `share` of the left cell: 1 if it is better, 0 if the right one is. */
function castVote(share) {
  if (pair) keepVotes([...votes, { left: pair[0].key, right: pair[1].key, share }]);
}

function keepVotes(next) {
  votes = next;
  try {
    localStorage.setItem(VOTES, JSON.stringify(votes));
  } catch {
    // As above.
  }
  renderVote();
}

function renderVote() {
  pair = nextPair();
  byId("vote-pair").hidden = !pair;
  byId("vote-none").hidden = Boolean(pair);
  byId("vote-count").textContent = votes.length === 1 ? "1 vote" : `${votes.length} votes`;
  byId("vote-undo").disabled = byId("vote-clear").disabled = !votes.length;
  byId("vote-rates").replaceChildren(...winRates());
  if (!pair) return;
  const input = data.inputs[pair[0].input]?.file;
  byId("vote-input").hidden = !input;
  setSource(byId("vote-input").querySelector("img"), input);
  byId("vote-task").replaceChildren(foreign(valueText(pair[0], "instruction")));
  ["vote-left", "vote-right"].forEach((id, side) => setSource(byId(id).querySelector("img"), pair[side].image));
}

/** Two finished cells of one image and instruction, where there are such, in either order. */
function nextPair() {
  const cells = shownCells(state).filter((cell) => cell.image && !cell.same_as);
  const task = (cell) => `${cell.input} ${valueIndex(cell, "image")} ${valueIndex(cell, "instruction")}`;
  const same = [...groupBy(cells, task).values()].filter((group) => group.length > 1);
  const groups = same.length ? same : [cells];
  const any = (things) => things[Math.floor(Math.random() * things.length)];
  const tried = Array.from({ length: TRIED }, () => {
    const group = any(groups);
    return [any(group), any(group)];
  }).filter(([left, right]) => left && left !== right);
  const seen = ([left, right]) => votes.filter((vote) => [left.key, right.key].includes(vote.left) && [left.key, right.key].includes(vote.right)).length;
  const differences = ([left, right]) => data.axes.filter((axis) => valueIndex(left, axis) !== valueIndex(right, axis)).length;
  const cost = (pair) => 10 * seen(pair) + differences(pair);
  return tried.reduce((best, pair) => (best && cost(best) <= cost(pair) ? best : pair), null);
}

/** For each axis its values with how often each has won where the two cells differed in it; a draw is half a win for both. */
function winRates() {
  return data.axes.map((axis) => {
    const wins = new Map();
    for (const { left, right, share } of votes) {
      const [a, b] = [left, right].map((key) => valueIndex(data.cells[cellIndex.get(key)], axis));
      if (a === b) continue;
      for (const [value, won] of [[a, share], [b, 1 - share]]) {
        const [sum, of] = wins.get(value) ?? [0, 0];
        wins.set(value, [sum + won, of + 1]);
      }
    }
    return wins.size ? rateTable(axis, [...wins.entries()].sort(([one], [other]) => one - other)) : undefined;
  }).filter(Boolean);
}

function rateTable(axis, rates) {
  const rows = rates.map(([value, [won, of]]) => {
    const percent = Math.round(100 * won / of);
    return element("tr", {},
      element("th", { scope: "row" }, foreign(shortValue(axis, valuesOf(axis)[value]))),
      element("td", {}, element("meter", { min: 0, max: 100, value: percent, "aria-label": `${percent} % won` })),
      element("td", { class: "number", text: `${percent} % of ${of}` }));
  });
  return element("table", {}, element("caption", { text: axis }), element("tbody", {}, ...rows));
}
