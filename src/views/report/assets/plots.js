// The page of plots: draws what is visible, again when its choices, the values shown or the width change.

const PLOT_STATE = ["x", "y", "lines", "heat", "stages", "hidden", "at", ...SIDES];

let drawnWidth = 0;

function startPlots() {
  follow((now, before) => {
    if (now.view === "plots" && (before.view !== "plots" || differs(now, before, PLOT_STATE))) renderPlots();
  });
  new ResizeObserver(() => {
    if (state.view === "plots" && byId("plots").clientWidth !== drawnWidth) drawPlots();
  }).observe(byId("plots"));
  if (state.view === "plots") renderPlots();
}

function renderPlots() {
  const plots = byId("plots");
  const focused = document.activeElement?.id;
  if (!data.numbers.length) {
    plots.replaceChildren(element("p", { class: "empty", text: "Nothing was measured yet." }));
    return;
  }
  plots.replaceChildren(tradeoffFigure(), heatmapFigure(), stagesFigure(), memoryFigure());
  drawPlots();
  if (focused) byId(focused)?.focus();
}

function drawPlots() {
  hideHint();
  drawnWidth = byId("plots").clientWidth;
  const draw = (id, drawing) => byId(id) && drawing(byId(id));
  draw("tradeoff", drawTradeoff);
  draw("heatmap", drawHeatmap);
  draw("stage-times", drawStages);
  draw("memory", drawMemory);
}
