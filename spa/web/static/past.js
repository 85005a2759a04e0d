// Changes that can be undone and done again: records with a before and an after, whatever these are.

import {el, say} from "./frame.js";

export class Past {
  /** put(record, side): brings back the side, "before" or "after", of a record. */
  constructor(put) {
    Object.assign(this, {put, done: [], undone: []});
    this.buttons = [
      el("button", {type: "button", onclick: () => this.undo(), title: "Ctrl+Z", disabled: true}, "Undo"),
      el("button", {type: "button", onclick: () => this.redo(), title: "Ctrl+Y", disabled: true}, "Redo"),
    ];
    this.keys = [["Ctrl+z z", "undo", () => this.undo()], ["Ctrl+y Ctrl+Z y", "do again", () => this.redo()]];
  }

  did(record) {
    this.done.push(record);
    this.undone.length = 0;
    this.tell();
  }

  undo() { return this.move(this.done, this.undone, "before", "Undone"); }
  redo() { return this.move(this.undone, this.done, "after", "Done again"); }

  async move(from, to, side, words) {
    const record = from.pop();
    if (!record) return;
    to.push(record);
    this.tell();
    await this.put(record, side);
    say(words);
  }

  tell() {
    this.buttons[0].disabled = !this.done.length;
    this.buttons[1].disabled = !this.undone.length;
  }
}
