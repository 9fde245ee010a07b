// A picture opens above the list. Its address is that of its own page, so that back, reload and links work.
import { load } from "./pages.js";

const dialog = document.createElement("dialog");
dialog.id = "picture";
dialog.setAttribute("aria-labelledby", "opened");
dialog.tabIndex = -1; // a click on its text leaves the focus in it, so that the keys go on working
const bar = document.createElement("p");
bar.className = "bar";
const news = document.createElement("p"); // says which picture came, to people who do not see it come
news.className = "unseen";
news.setAttribute("role", "status");
dialog.append(news, bar);
const title = document.title;
const here = () => location.pathname + location.search;
const loaded = here();
let opener = null;

const button = (text, label, action) => {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", action);
  bar.append(made);
  return made;
};

const tiles = () => [...document.querySelectorAll("a.tile")];
const neighbour = (distance) => tiles()[tiles().indexOf(opener) + distance];
const step = (distance) => {
  const next = neighbour(distance);
  if (next) open(next, "replaceState");
};

const previousButton = button("‹", "Previous picture", () => step(-1));
const nextButton = button("›", "Next picture", () => step(1));
button("×", "Close", () => dialog.close());
bar.lastChild.autofocus = true;

async function open(tile, change) {
  opener = tile;
  let page;
  try {
    page = await load(tile.href);
  } catch {}
  if (opener !== tile) return;
  const article = page?.querySelector("article, .message");
  if (!article) {
    location.href = tile.href;
    return;
  }
  if (change) history[change]({ picture: true }, "", tile.href);
  document.title = page.title;
  // The bar stays where it is: a button that leaves the page, even for a moment, loses the focus.
  while (bar.nextSibling) bar.nextSibling.remove();
  dialog.append(article);
  const heading = article.querySelector("h1");
  heading.id = "opened";
  // Not `disabled`, which takes the focus from a button.
  previousButton.setAttribute("aria-disabled", !neighbour(-1));
  nextButton.setAttribute("aria-disabled", !neighbour(1));
  const all = tiles();
  news.textContent = dialog.open ? `${heading.textContent}, ${all.indexOf(tile) + 1} of ${all.length}` : "";
  if (!dialog.open) dialog.showModal();
  else if (!dialog.contains(document.activeElement)) dialog.focus();
  dialog.scrollTop = 0;
}

document.querySelector("picture-grid")?.addEventListener("click", (event) => {
  const tile = event.target.closest("a.tile");
  if (!tile || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  open(tile, "pushState");
});

dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select")) return;
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return; // Alt and an arrow go back and forward
  if (event.key === "ArrowRight") step(1);
  if (event.key === "ArrowLeft") step(-1);
});
dialog.addEventListener("close", () => {
  document.title = title;
  opener?.focus();
  if (history.state?.picture) history.back();
});
addEventListener("popstate", (event) => {
  const tile = event.state?.picture && tiles().find((each) => each.href === location.href);
  if (tile) open(tile);
  else if (dialog.open) dialog.close();
  else if (here() !== loaded) location.reload(); // this page was loaded again while a picture was open
});
document.body.append(dialog);
