// Saving: in order, of each thing the newest; what cannot be saved is said once and tried again.

import {el, trouble} from "./frame.js";

export class Saver {
  /** send(key, value): a promise, kept when it is saved. */
  constructor(send) {
    Object.assign(this, {send, waiting: new Map(), running: false, failed: 0});
    this.element = el("span", {class: "soft", id: "saved"}, "Saved");
    window.onbeforeunload = () => (this.running ? "" : undefined);
  }

  async put(key, value) {
    this.waiting.set(key, value);
    this.element.textContent = "Saving …";
    if (this.running) return;
    this.running = true;
    while (this.waiting.size) await this.one();
    this.running = false;
    this.failed = 0;
    this.element.textContent = "Saved";
  }

  async one() {
    const [key, value] = this.waiting.entries().next().value;
    this.waiting.delete(key);
    try {
      await this.send(key, value);
    } catch (error) {
      if (!this.waiting.has(key)) this.waiting.set(key, value);
      this.element.textContent = "Not saved";
      if (!this.failed++) trouble(error);
      await new Promise((go) => setTimeout(go, 1500));
    }
  }

  /** When all is saved. */
  async settled() {
    while (this.running) await new Promise((go) => setTimeout(go, 30));
  }
}
