// A grid of any number of cells, of which only the rows in sight exist; one cell is the current one.

import {el} from "./frame.js";

const GAP = 10, WORDS = 24, SPARE = 3;

/** A part of a sheet, on which many pictures come at once: which one on it, and how many there are across and down. */
export function tile(sheet, on, across, down) {
  const x = on % across, y = Math.floor(on / across);
  return el("div", {class: "tile", style: `background-image:url(${sheet});background-size:${100 * across}% ${100 * down}%;` +
    `background-position:${(100 * x) / (across - 1)}% ${(100 * y) / (down - 1)}%`});
}

export class Grid {
  /** order: what stands where, numbers; make(number): a cell; aspect: height of a cell's picture over its width; onhere(number). */
  constructor(name, {order, width, aspect, make, onhere, onclick}) {
    Object.assign(this, {order, width, aspect, make, onhere, onclick, place: 0, cells: new Map()});
    this.room = el("div", {role: "presentation"});
    this.element = el("div", {class: "montage", role: "listbox", tabindex: 0, "aria-label": name, "aria-multiselectable": "true",
      onscroll: () => this.soon()}, this.room);
    this.room.addEventListener("click", (event) => {
      const cell = event.target.closest(".cell");
      if (cell) this.onclick(Number(cell.dataset.number), event);
    });
    new ResizeObserver(() => this.lay()).observe(this.element);
  }

  get here() { return this.order[this.place]; }
  get rows() { return Math.ceil(this.order.length / this.columns); }
  get pitch() { return this.cellWidth * this.aspect + WORDS + 4 + GAP; }

  /** Another order or size; the current cell stays in sight. */
  lay() {
    if (!this.element.clientWidth) return;
    const wide = this.element.clientWidth - 2 * GAP;
    this.columns = Math.max(1, Math.floor((wide + GAP) / (this.width + GAP)));
    this.cellWidth = (wide + GAP) / this.columns - GAP;
    this.room.style.height = `${this.rows * this.pitch + GAP}px`;
    this.clear();
    this.reveal();
    this.render();
  }

  arrange(order) {
    const here = this.here;
    this.order = order;
    this.place = Math.max(0, order.indexOf(here));
    this.lay();
  }

  resize(width) {
    this.width = width;
    this.lay();
  }

  clear() {
    for (const cell of this.cells.values()) cell.remove();
    this.cells.clear();
  }

  soon() {
    this.pending ||= requestAnimationFrame(() => { this.pending = 0; this.render(); });
  }

  render() {
    if (!this.columns) return;
    const box = this.element, top = Math.floor(box.scrollTop / this.pitch) - SPARE;
    const first = Math.max(0, top * this.columns), bottom = Math.ceil((box.scrollTop + box.clientHeight) / this.pitch) + SPARE;
    const last = Math.min(this.order.length, bottom * this.columns);
    for (const [place, cell] of this.cells) if (place < first || place >= last) { cell.remove(); this.cells.delete(place); }
    const fresh = [];
    for (let place = first; place < last; place++) if (!this.cells.has(place)) fresh.push(this.placed(place));
    this.room.append(...fresh);
    this.mark();
  }

  placed(place) {
    const number = this.order[place], cell = this.make(number);
    const x = GAP + (place % this.columns) * (this.cellWidth + GAP), y = GAP + Math.floor(place / this.columns) * this.pitch;
    Object.assign(cell, {className: "cell", id: `cell-${number}`});
    cell.dataset.number = number;
    cell.style.cssText = `left:${x}px;top:${y}px;width:${this.cellWidth}px;height:${this.pitch - GAP}px`;
    cell.setAttribute("role", "option");
    cell.setAttribute("aria-setsize", this.order.length);
    cell.setAttribute("aria-posinset", place + 1);
    this.cells.set(place, cell);
    return cell;
  }

  /** The cell of a number, if it is there. */
  cell(number) { return this.cells.get(this.order.indexOf(number)); }

  mark() {
    for (const [place, cell] of this.cells) cell.classList.toggle("here", place === this.place);
    if (this.cells.has(this.place)) this.element.setAttribute("aria-activedescendant", `cell-${this.here}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  reveal() {
    const y = Math.floor(this.place / this.columns) * this.pitch, box = this.element;
    if (y < box.scrollTop) box.scrollTop = y;
    else if (y + this.pitch + GAP > box.scrollTop + box.clientHeight) box.scrollTop = y + this.pitch + GAP - box.clientHeight;
  }

  /** Make the cell at a place the current one. */
  go(place) {
    if (!this.order.length) return;
    this.place = Math.max(0, Math.min(this.order.length - 1, place));
    this.reveal();
    this.render();
    this.onhere(this.here);
  }

  /** How far a key goes; undefined for one that does not. */
  stride(key) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.pitch)) * this.columns;
    return {ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns, PageDown: page, PageUp: -page,
      Home: -this.order.length, End: this.order.length}[key];
  }

  /** Numbers between two places, both with it. */
  between(one, other) { return this.order.slice(Math.min(one, other), Math.max(one, other) + 1); }
}
