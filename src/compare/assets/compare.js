"use strict";
(() => {
  const sliders = [...document.querySelectorAll(".stage input")];
  const together = document.getElementById("together");

  const show = (slider) => {
    slider.parentElement.style.setProperty("--split", `${slider.value}%`);
  };

  for (const slider of sliders) {
    show(slider);
    slider.addEventListener("input", () => {
      const moved = together.checked ? sliders : [slider];
      for (const other of moved) {
        other.value = slider.value;
        show(other);
      }
    });
  }

  const pairs = document.getElementById("pairs");
  const planned = [...pairs.children];
  document.getElementById("order").addEventListener("change", (event) => {
    const amount = (figure) => Number(figure.dataset.amount);
    const figures = [...planned];
    if (event.target.value === "amount") {
      figures.sort((one, other) => amount(other) - amount(one));
    }
    pairs.append(...figures);
  });
  document.body.dataset.ready = "true";
})();
