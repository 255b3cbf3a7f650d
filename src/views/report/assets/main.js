// Puts the parts together: views as tabs, and the page's few buttons.

function startTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const render = () => {
    for (const tab of tabs) {
      const isChosen = tab.dataset.view === state.view;
      tab.setAttribute("aria-selected", isChosen);
      tab.setAttribute("tabindex", isChosen ? 0 : -1);
      byId(`view-${tab.dataset.view}`).hidden = !isChosen;
    }
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => update({ view: tab.dataset.view }, { step: true }));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
      update({ view: next.dataset.view });
      next.focus();
    });
  }
  follow((now, before) => {
    if (now.view !== before.view) render();
  });
  render();
}

/** A cell named by the address may lie outside the part of the grid that the address shows. */
function bringAddressedCellIntoGrid() {
  const index = cellIndex.get(state.cell);
  if (index !== undefined && placeOf(gridLayout(state), index) === null) update(stateShowing(state, data.cells[index]));
}

startTabs();
startControls();
startGrid();
startPlots();
startTable();
startVote();
startChain();
startViewer();
startPlaying();
bringAddressedCellIntoGrid();
byId("reload")?.addEventListener("click", reload);
startFollowing();
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
document.body.dataset.ready = "true";
