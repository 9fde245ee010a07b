// The first module: it loads what makes the elements of a page work. Without script, each of them is plain HTML.
import "./more.js";
import "./dialog.js";
import "./grid.js";
import "./copying.js";
import "./chips.js";

// An address without empty fields is shorter, and the same for the same search.
document.querySelector("form.search")?.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value) formData.delete(name);
});

// "Saved." is true of what the page shows, so neither of words that follow nor after a reload.
const saved = document.querySelector("#saved");
saved?.closest("form").addEventListener("input", () => (saved.hidden = true));
addEventListener("load", () => {
  if (saved && location.hash === "#saved") history.replaceState(history.state, "", location.pathname);
});

addEventListener("keydown", (event) => {
  const field = document.querySelector("#q");
  const isTyping = event.target.closest("input:not([type=checkbox]), textarea, select, dialog");
  if (event.key !== "/" || isTyping || !field || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  field.focus();
  field.select();
});
