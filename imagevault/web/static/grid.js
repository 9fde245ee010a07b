// The arrow keys walk through the pictures; Tab leaves and enters as everywhere.
class PictureGrid extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", (event) => {
      const tiles = [...this.querySelectorAll("a.tile")];
      const tile = event.target.closest("a.tile");
      if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
      const next = this.neighbour(tiles, tile, event.key);
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
  }

  neighbour(tiles, tile, key) {
    const place = tiles.indexOf(tile);
    if (key === "ArrowRight") return tiles[place + 1];
    if (key === "ArrowLeft") return tiles[place - 1];
    if (key === "Home") return tiles[0];
    if (key === "End") return tiles.at(-1);
    if (key === "ArrowDown") return this.inRow(tiles.slice(place + 1), tile);
    if (key === "ArrowUp") return this.inRow(tiles.slice(0, place).reverse(), tile);
  }

  // The tile of the next row whose middle is nearest.
  inRow(tiles, tile) {
    const { top, left, width } = tile.getBoundingClientRect();
    const middle = left + width / 2;
    const boxes = tiles.map((other) => ({ other, box: other.getBoundingClientRect() }));
    const row = boxes.find(({ box }) => Math.abs(box.top - top) > 4)?.box.top;
    const distance = ({ box }) => Math.abs(box.left + box.width / 2 - middle);
    return boxes.filter(({ box }) => Math.abs(box.top - row) <= 4).sort((a, b) => distance(a) - distance(b))[0]?.other;
  }
}

customElements.define("picture-grid", PictureGrid);
