// "More pictures": the next page is fetched when its link comes near, and its pictures join the list.
import { load } from "./pages.js";

const AHEAD = "1500px";

class LoadMore extends HTMLElement {
  connectedCallback() {
    this.link = this.querySelector("a");
    this.near = new IntersectionObserver(
      (seen) => seen.some((entry) => entry.isIntersecting) && this.fetch(),
      { rootMargin: AHEAD },
    );
    this.near.observe(this);
    this.link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.show();
    });
  }

  disconnectedCallback() {
    this.near.disconnect();
  }

  fetch() {
    this.near.disconnect();
    this.page ??= load(this.link.href);
    this.page.catch(() => {}); // `show` opens the page itself then, which says what is wrong
    return this.page;
  }

  show() {
    this.shown ??= this.add(); // a double click would open the page that joined the list already
  }

  async add() {
    this.link.setAttribute("aria-busy", "true");
    let page;
    try {
      page = await this.fetch();
    } catch {}
    const added = [...(page?.querySelectorAll("#pictures > li") ?? [])];
    if (!added.length) {
      location.href = this.link.href;
      return;
    }
    const list = document.querySelector("#pictures");
    list.append(...added);
    for (const id of ["states", "notices"]) document.getElementById(id).replaceWith(page.getElementById(id));
    const count = list.children.length;
    document.querySelector("#count").textContent = `${count.toLocaleString("en")} pictures`;
    added[0].querySelector("a").focus({ preventScroll: true });
    this.replaceWith(page.querySelector("load-more, .end"));
  }
}

customElements.define("load-more", LoadMore);
