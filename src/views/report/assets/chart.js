// What all plots share: scales, axes, colours of an ordered series, hints.

const CHART = { height: 320, right: 16, top: 16, bottom: 46 };

/** Pixels of a plot's text; the style sheet says the same. */
const EM = 12;

const pen = document.createElement("canvas").getContext("2d");

/** Pixels that a plot's text takes, in whatever font the browser has found for it. */
function textWidth(text) {
  pen.font = `${EM}px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
}

/** A linear scale from a domain of numbers to pixels. */
function scale([low, high], [start, end]) {
  const width = high - low || 1;
  return (value) => start + (value - low) / width * (end - start);
}

/** The smallest and largest of the numbers, widened a little; [0, 1] if there are none. */
function extent(values, { fromZero = false } = {}) {
  const numbers = values.filter((value) => Number.isFinite(value));
  if (!numbers.length) return [0, 1];
  let low = Math.min(...numbers);
  let high = Math.max(...numbers);
  if (fromZero) low = Math.min(0, low);
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  return [fromZero && low === 0 ? 0 : low - margin, high + margin];
}

/** Round numbers within a domain, about `count` of them. */
function ticks([low, high], count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  // The nearest by ratio.
  const step = power * (rough < Math.SQRT2 * power ? 1 : rough < Math.sqrt(10) * power ? 2 : rough < Math.sqrt(50) * power ? 5 : 10);
  const first = Math.ceil(low / step);
  const found = [];
  for (let index = first; index * step <= high + step * 1e-9; index++) found.push(Number((index * step).toPrecision(12)));
  return found;
}

/** An SVG with axes. Returns it with its scales. `x` and `y`: { domain, label }. */
function chart(width, { x, y, title }) {
  const height = CHART.height;
  const yTicks = ticks(y.domain, 5);
  // From the left: the axis' name, turned, then the numbers.
  const left = Math.ceil(EM * 2 + Math.max(0, ...yTicks.map((tick) => textWidth(formatTick(tick)))) + 8);
  const toX = scale(x.domain, [left, width - CHART.right]);
  const toY = scale(y.domain, [height - CHART.bottom, CHART.top]);
  const root = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": title });
  for (const tick of yTicks) {
    root.append(
      svg("line", { class: "rule", x1: left, x2: width - CHART.right, y1: toY(tick), y2: toY(tick) }),
      svg("text", { class: "tick", x: left - 8, y: toY(tick), "text-anchor": "end", "dominant-baseline": "middle", text: formatTick(tick) }),
    );
  }
  for (const tick of ticks(x.domain, Math.max(2, Math.round(width / 110)))) {
    root.append(svg("text", { class: "tick", x: toX(tick), y: height - CHART.bottom + 18, "text-anchor": "middle", text: formatTick(tick) }));
  }
  root.append(
    svg("line", { class: "base", x1: left, x2: width - CHART.right, y1: height - CHART.bottom, y2: height - CHART.bottom }),
    svg("text", { class: "axis-name", x: (left + width - CHART.right) / 2, y: height - 8, "text-anchor": "middle", text: x.label }),
    svg("text", { class: "axis-name", transform: `translate(${EM} ${(CHART.top + height - CHART.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", text: y.label }),
  );
  return { root, toX, toY };
}

function formatTick(value) {
  return Math.abs(value) >= 1000 ? formatNumber(value) : String(value);
}

/** The colour of the index-th of `count` ordered things: two ends mixed, legible in light and dark. */
function orderedColour(index, count) {
  const share = count > 1 ? Math.round(100 * index / (count - 1)) : 0;
  return `color-mix(in oklab, var(--series-high) ${share}%, var(--series-low))`;
}

function path(points) {
  return points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** As much of a text as fits into so many pixels. */
function shorten(text, room) {
  if (textWidth(text) <= room) return text;
  const characters = [...text];
  let fits = 1;
  let tooMany = characters.length;
  while (tooMany - fits > 1) {
    const kept = Math.floor((fits + tooMany) / 2);
    if (textWidth(`${characters.slice(0, kept).join("")}…`) <= room) fits = kept;
    else tooMany = kept;
  }
  return `${characters.slice(0, fits).join("").trimEnd()}…`;
}

/** Room for a plot inside its figure, in pixels. */
function plotWidth(figure) {
  return Math.max(280, Math.floor(figure.querySelector(".canvas").clientWidth));
}

/** A figure with a title, fields to choose what it shows, room for the drawing and words below. */
function plotFigure(id, title, fields, words = "") {
  return element("figure", { class: "plot", id },
    element("figcaption", {}, element("h2", { text: title }), element("div", { class: "fields" }, ...fields)),
    element("div", { class: "canvas" }),
    element("p", { class: "muted note", text: words }));
}

/**
 * Makes a mark of a plot tell what it is under the pointer or the focus, with the picture of its cell, and act like a
 * button if it has an action.
 */
function explain(mark, text, action, cell) {
  mark.setAttribute("aria-label", text);
  mark.setAttribute("role", action ? "button" : "img");
  mark.setAttribute("tabindex", -1);
  for (const type of ["pointerenter", "focus"]) mark.addEventListener(type, () => showHint(mark, text, cell));
  for (const type of ["pointerleave", "blur"]) mark.addEventListener(type, hideHint);
  if (!action) return mark;
  mark.classList.add("active");
  mark.addEventListener("click", action);
  mark.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    action();
  });
  return mark;
}

/** Puts a drawing into its canvas. All its marks are one stop of the tab key; arrow keys go from mark to mark. */
function showDrawing(canvas, root, legend) {
  canvas.replaceChildren(...[root, legend].filter(Boolean));
  const marks = [...root.querySelectorAll("[tabindex]")];
  marks[0]?.setAttribute("tabindex", 0);
  root.addEventListener("focusin", (event) => {
    for (const mark of marks) mark.setAttribute("tabindex", mark === event.target ? 0 : -1);
  });
  root.addEventListener("keydown", (event) => {
    const next = ARROWS[event.key] && markBeside(marks, event.target, ARROWS[event.key]);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

/** Left and right along the marks of a line, up and down to the nearest of the line before or after. */
function markBeside(marks, mark, direction) {
  const step = direction === "left" || direction === "up" ? -1 : 1;
  const lines = [...groupBy(marks, (other) => other.parentNode).values()];
  if (lines.length === 1 || direction === "left" || direction === "right") return marks[marks.indexOf(mark) + step];
  const line = lines[lines.findIndex((members) => members.includes(mark)) + step] ?? [];
  const middle = (other) => other.getBoundingClientRect().left + other.getBoundingClientRect().width / 2;
  const away = (other) => Math.abs(middle(other) - middle(mark));
  return line.reduce((nearest, other) => (nearest && away(nearest) <= away(other) ? nearest : other), undefined);
}

function showHint(mark, text, cell) {
  const hint = byId("hint");
  const box = mark.getBoundingClientRect();
  const source = cell?.thumbnail ?? cell?.image;
  const picture = source ? element("img", { src: source, alt: "", width: cell.width, height: cell.height }) : undefined;
  hint.replaceChildren(...[picture, text].filter(Boolean));
  hint.hidden = false;
  const left = Math.min(window.innerWidth - hint.offsetWidth - 8, Math.max(8, box.left + box.width / 2 - hint.offsetWidth / 2));
  const above = box.top - hint.offsetHeight - 8;
  setStyle(hint, { left: `${left}px`, top: `${above > 8 ? above : box.bottom + 8}px` });
}

function hideHint() {
  byId("hint").hidden = true;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Things by what a function says of them, in order of first appearance. */
function groupBy(things, of) {
  const groups = new Map();
  for (const thing of things) {
    const key = of(thing);
    if (groups.has(key)) groups.get(key).push(thing);
    else groups.set(key, [thing]);
  }
  return groups;
}
