// Chains: the pages of the other stages, the path to a cell, and its sweep file.

/** The cells that a cell is made of, from the first stage on, and itself. */
function pathOf(key) {
  const path = [];
  for (let at = key; at && data.chain?.cells[at]; at = data.chain.cells[at].input) path.unshift({ key: at, ...data.chain.cells[at] });
  return path;
}

/** The stages above the grid: the one that is shown, and the way to the others. */
function startChain() {
  const nav = byId("stages");
  const stages = data.chain?.stages ?? [];
  nav.hidden = stages.length < 2 || !stages[0].page;
  if (nav.hidden) return;
  nav.replaceChildren(...stages.map((stage, index) => element("a", {
    class: "button", href: stage.page, text: stage.name, ...(index === data.chain.stage ? { "aria-current": "page" } : {}),
  })));
  byId("viewer").addEventListener("keydown", walkChain);
}

function addressOf(key) {
  const cell = data.chain.cells[key];
  const stage = cell?.stage ?? data.chain.stage + 1;
  const page = data.chain.stages[stage]?.page;
  return page && `${page}#cell=${encodeURIComponent(key)}`;
}

/** Shift and an arrow walk along the chain: to the cell that this one works on, or to the first that works on it. */
function walkChain(event) {
  if (!event.shiftKey || !["ArrowLeft", "ArrowRight"].includes(event.key) || !state.cell) return;
  const cell = data.chain.cells[state.cell];
  const key = event.key === "ArrowLeft" ? cell?.input : cell?.next;
  const address = key && addressOf(key);
  if (!address) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  location.href = address;
}

/** The path to a cell: each image leads to its cell. */
function chainStrip(cell) {
  const path = pathOf(cell.key);
  if (path.length < 2 && !path[0]?.next) return undefined;
  const step = (key, stage, image, current) => {
    const name = data.chain.stages[stage].name;
    const picture = image ? element("img", { src: image, alt: "", loading: "lazy" }) : undefined;
    const inside = [picture, element("span", { text: name })].filter(Boolean);
    const address = addressOf(key);
    if (current || !address) return element("span", { class: "chain-step", ...(current ? { "aria-current": "step" } : {}) }, ...inside);
    return element("a", { class: "chain-step", href: address }, ...inside);
  };
  const steps = path.map(({ key, stage, image }) => step(key, stage, image, key === cell.key));
  const next = path[path.length - 1].next;
  if (next && addressOf(next)) steps.push(element("a", { class: "chain-step", href: addressOf(next) }, element("span", { text: `${data.chain.stages[data.chain.stage + 1].name} …` })));
  return element("section", {}, element("h3", { text: "Path" }), element("div", { class: "chain-strip" }, ...steps),
    element("p", { class: "muted", text: "Shift and ← or → walk along it." }));
}

/** What the slider compares a cell with: the input of its stage, or the first image of its path. */
function beforeOf(cell) {
  const own = data.inputs[cell.input]?.file;
  if (!state.first) return own;
  const path = pathOf(cell.key);
  return path.length > 1 ? path[0].image ?? own : own;
}

/** The tables of a cell's path: its first stage under [sweep], each later one under [[then]]. */
function chainTables(cell) {
  const path = pathOf(cell.key);
  const lines = ({ stage, values }) => {
    const { keys, masking } = data.chain.stages[stage];
    const given = keys.filter((key) => values[key] !== undefined && key !== "model" && !(key === "image" && stage > 0));
    return [
      ...given.map((key) => `${key} = ${tomlValue(data.parameters[parameterIndex.get(key)].form, values[key])}`),
      ...(masking?.outside === "decoded" ? ['outside = "decoded"'] : []),
      ...(masking?.only_masked !== undefined ? [`only_masked = ${masking.only_masked}`] : []),
    ];
  };
  const model = (values) => `model = ${tomlString(values.model)}`;
  return [
    model(path[0].values),
    "",
    "[sweep]",
    ...lines(path[0]),
    ...path.slice(1).flatMap((later) => ["", "[[then]]", `name = ${tomlString(data.chain.stages[later.stage].name)}`, model(later.values), ...lines(later)]),
  ];
}
