"use strict";
(() => {
  const cells = document.getElementById("cells");
  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      const words = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(words.textContent);
        button.textContent = "Copied";
      } catch {
        // Pages from a file may not write there: select it, so that one key does.
        getSelection().selectAllChildren(words);
      }
    });
  }
  if (!cells) return;

  for (const slider of cells.querySelectorAll(".stage input")) {
    const show = () => slider.parentElement.style.setProperty("--split", `${slider.value}%`);
    slider.addEventListener("input", show);
    show();
  }

  const verdicts = [...document.querySelectorAll("#verdicts input")];
  const filter = () => {
    const shown = new Set(verdicts.filter((box) => box.checked).map((box) => box.value));
    for (const cell of cells.children) cell.hidden = !shown.has(cell.dataset.verdict);
    document.getElementById("none").hidden = shown.size > 0;
  };
  for (const box of verdicts) box.addEventListener("change", filter);
  filter();

  let blinking;
  const compareBy = (mode) => {
    cells.dataset.mode = mode;
    clearInterval(blinking);
    cells.classList.remove("first");
    if (mode === "blink") blinking = setInterval(() => cells.classList.toggle("first"), 700);
  };
  for (const radio of document.querySelectorAll("#modes input")) {
    radio.addEventListener("change", () => compareBy(radio.value));
    if (radio.checked) compareBy(radio.value);
  }
  document.body.dataset.ready = "true";
})();
