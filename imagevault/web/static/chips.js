// All providers, or some by name: choosing one takes the other back. The legend follows.
const legend = document.querySelector(".chips legend small");
const boxes = [...document.querySelectorAll(".chips input")];
const [all, ...named] = boxes;
const none = "none chosen: the first that answers";

const tell = () => {
  const count = named.filter((box) => box.checked).length;
  legend.textContent = all.checked ? "all chosen" : count ? `${count} chosen` : none;
};

for (const box of boxes)
  box.addEventListener("change", () => {
    if (box.checked) for (const other of box === all ? named : [all]) other.checked = false;
    tell();
  });
if (legend) addEventListener("pageshow", tell); // a browser that goes back restores the choice by itself
