// Memory in use over the run.

const MEMORY_LINES = [["rss_mib", "resident memory", 0], ["vram_mib", "device memory", 1]];

function memoryFigure() {
  return plotFigure("memory", "Memory over the run", [], "Across are finished cells, so that pauses between two parts of a run take no room.");
}

function drawMemory(figure) {
  const { cells } = data.memory;
  const canvas = figure.querySelector(".canvas");
  const lines = MEMORY_LINES.filter(([key]) => data.memory[key].some((value) => value !== null));
  if (!lines.length) return canvas.replaceChildren(element("p", { class: "empty", text: "No memory was measured." }));
  const { root, toX, toY } = chart(plotWidth(figure), {
    title: "Memory over the run",
    x: { domain: [0, cells.at(-1)], label: "cells finished" },
    y: { domain: extent(lines.flatMap(([key]) => data.memory[key]).filter((value) => value !== null), { fromZero: true }), label: "memory (MiB)" },
  });
  for (const [key, name, index] of lines) {
    const values = data.memory[key];
    const points = cells.map((at, place) => [at, values[place]]).filter(([, value]) => value !== null);
    const colour = orderedColour(index, 2);
    const peak = Math.max(...points.map(([, value]) => value));
    const line = svg("path", { class: "line", d: path(points.map(([at, value]) => [toX(at), toY(value)])), style: { "--colour": colour } });
    root.append(explain(line, `${name}: peak ${formatMeasure(key, peak)}`));
  }
  const items = lines.map(([, name, index]) => element("li", { text: name, style: { "--colour": orderedColour(index, 2) } }));
  showDrawing(canvas, root, element("ul", { class: "legend" }, ...items));
}
