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

  /** Captions that need more lines than they get are cut there, with a button for the rest. */
  const startCaptions = (captions) => {
    const buttons = captions.map((caption) => {
      const button = document.createElement("button");
      button.type = "button";
      button.hidden = true;
      const cut = (isCut) => {
        caption.classList.toggle("cut", isCut);
        button.setAttribute("aria-expanded", !isCut);
        button.textContent = isCut ? "Show all" : "Show less";
      };
      cut(true);
      button.addEventListener("click", () => cut(!caption.classList.contains("cut")));
      caption.append(button);
      return button;
    });
    new ResizeObserver(() => {
      // All are measured before any is changed: else each would be laid out anew.
      const overflows = captions.map(({ firstElementChild: words }) => words.scrollHeight > words.clientHeight + 1);
      buttons.forEach((button, index) => {
        if (captions[index].classList.contains("cut")) button.hidden = !overflows[index];
      });
    }).observe(pairs);
  };

  startCaptions(planned.map((figure) => figure.querySelector("figcaption")));
  document.body.dataset.ready = "true";
})();
