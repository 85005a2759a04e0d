// A list of any length of which only what is seen exists.

import {el} from "./frame.js";

const HEIGHT = 30;

export class List {
  /** count: of items; draw(i): children of item i; onchoose(i). */
  constructor(name, count, draw, onchoose) {
    this.count = count;
    this.draw = draw;
    this.onchoose = onchoose;
    this.chosen = 0;
    this.room = el("div", {style: `height:${count * HEIGHT}px`, role: "presentation"});
    this.element = el("div", {class: "list", role: "listbox", tabindex: 0, "aria-label": name, onscroll: () => this.render()}, this.room);
    this.element.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.render()).observe(this.element);
  }

  key(event) {
    const step = {ArrowDown: 1, ArrowUp: -1, Home: -this.count, End: this.count}[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.onchoose(Math.max(0, Math.min(this.count - 1, this.chosen + step)));
  }

  choose(number) {
    this.chosen = number;
    const top = number * HEIGHT, box = this.element;
    if (top < box.scrollTop) box.scrollTop = top - 2 * HEIGHT;
    else if (top + HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight + 3 * HEIGHT;
    this.render();
  }

  render() {
    const box = this.element, first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - 2);
    const last = Math.min(this.count, Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + 2);
    const items = [];
    for (let i = first; i < last; i++) {
      items.push(el("div", {
        class: "item", role: "option", id: `item-${i}`, "aria-selected": String(i === this.chosen), "aria-setsize": this.count, "aria-posinset": i + 1,
        style: `top:${i * HEIGHT}px;height:${HEIGHT}px`, onclick: () => this.onchoose(i),
      }, ...this.draw(i)));
    }
    this.room.replaceChildren(...items);
    if (this.chosen >= first && this.chosen < last) box.setAttribute("aria-activedescendant", `item-${this.chosen}`);
    else box.removeAttribute("aria-activedescendant");
  }
}
