// Buttons that copy the credit, and the description that goes into its HTML.
const ESCAPED = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };

class CopyCredit extends HTMLElement {
  connectedCallback() {
    if (this.querySelector("button")) return;
    for (const text of this.querySelectorAll("textarea")) this.addButton(text);
    const html = this.querySelector("#credit-html");
    const field = this.querySelector("template"); // it does nothing without script, or without a picture in the HTML
    if (!field || !html.value.includes(' alt="')) return;
    field.replaceWith(field.content);
    const alt = this.querySelector("input");
    alt.addEventListener("input", () => {
      const escaped = alt.value.replace(/[&<>"']/g, (mark) => ESCAPED[mark]);
      html.value = html.value.replace(/ alt="[^"]*"/, () => ` alt="${escaped}"`);
    });
  }

  addButton(text) {
    const label = this.querySelector(`[for=${text.id}]`);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `Copy ${label.textContent}`;
    button.addEventListener("click", async () => {
      text.select();
      try {
        await navigator.clipboard.writeText(text.value);
      } catch {
        document.execCommand("copy"); // a page without https has no clipboard
      }
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = `Copy ${label.textContent}`), 2000);
    });
    button.setAttribute("aria-live", "polite");
    text.after(button);
  }
}

customElements.define("copy-credit", CopyCredit);
