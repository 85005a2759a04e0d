// Pictures of micrographs, fetched ahead; and the controls of how they are shown.

import {el, picture, segments, slider, trouble} from "./frame.js";

const KEPT = 5;

export class Films {
  /** viewer: where they are shown; count: of micrographs; start: {view, lowpass}; onshown(number, facts). */
  constructor(viewer, count, start, onshown) {
    Object.assign(this, {viewer, count, onshown, number: -1, bitmaps: new Map(), ...start, bright: 1, contrasted: 1.25});
    viewer.contrast(this.contrasted, this.bright);
  }

  fetched(number) {
    const address = picture("film", {number, view: this.view, lowpass: this.lowpass});
    if (!this.bitmaps.has(address)) {
      const coming = fetch(address).then(async (reply) => {
        if (!reply.ok) throw new Error((await reply.json()).error);
        const facts = JSON.parse(reply.headers.get("x-facts") || "null");
        return {bitmap: await createImageBitmap(await reply.blob()), facts};
      });
      coming.catch(() => this.bitmaps.delete(address));
      this.bitmaps.set(address, coming);
      while (this.bitmaps.size > KEPT) {
        const [oldest, old] = this.bitmaps.entries().next().value;
        this.bitmaps.delete(oldest);
        old.then(({bitmap}) => { if (bitmap !== this.viewer.bitmap) bitmap.close(); }).catch(() => {});
      }
    } else {
      const kept = this.bitmaps.get(address);
      this.bitmaps.delete(address);
      this.bitmaps.set(address, kept);
    }
    return this.bitmaps.get(address);
  }

  /** Show a micrograph; afterwards its neighbours are fetched. */
  async show(number) {
    const wanted = `${number} ${this.view} ${this.lowpass}`;
    [this.number, this.wanted] = [number, wanted];
    const slow = setTimeout(() => { this.viewer.wait.hidden = false; }, 150);
    try {
      const {bitmap, facts} = await this.fetched(number);
      if (this.wanted !== wanted) return;
      this.viewer.show(bitmap, facts.width, facts.height, facts.pixel);
      this.onshown?.(number, facts);
      document.body.dataset.shown = wanted;
      for (const next of [number + 1, number - 1]) if (next >= 0 && next < this.count) this.fetched(next).catch(() => {});
    } catch (error) {
      if (this.wanted === wanted) trouble(error);
    } finally {
      clearTimeout(slow);
      this.viewer.wait.hidden = true;
    }
  }

  again() {
    if (this.number >= 0) this.show(this.number);
  }

  /** View, low-pass, contrast, brightness. */
  controls(ctf) {
    const detail = slider("Low-pass", {min: 4, max: 60, value: this.lowpass, text: (v) => `${v} Å`, oninput: (v) => {
      this.lowpass = v;
      clearTimeout(this.later);
      this.later = setTimeout(() => this.views.choose("lowpass"), 120);
    }});
    this.views = segments("View", [["plain", "Plain", "As it is"], ["lowpass", "Low-pass", "Without fine detail"],
      ["denoised", "Denoised", ctf ? "Wiener filter with the CTF" : "Wiener filter; the table has no CTF"]], this.view,
      (view) => { this.view = view; this.again(); });
    const contrast = slider("Contrast", {min: 0.5, max: 4, step: 0.05, value: this.contrasted, text: (v) => v.toFixed(2), oninput: (v) => {
      this.contrasted = v; this.viewer.contrast(v, this.bright); }});
    const bright = slider("Brightness", {min: 0.4, max: 2, step: 0.02, value: this.bright, text: (v) => v.toFixed(2), oninput: (v) => {
      this.bright = v; this.viewer.contrast(this.contrasted, v); }});
    this.sliders = {detail, contrast, bright};
    return el("section", {}, el("h2", {}, "View"), this.views.element, el("div", {style: "height:10px"}), detail.element, contrast.element, bright.element);
  }

  /** Keys of the viewer that every page with micrographs has. */
  keys(go) {
    const pan = (dx, dy) => () => this.viewer.pan(dx, dy);
    const nudge = (one, by) => () => one.set(Number(one.input.value) + by);
    return [
      ["n PageDown", "next micrograph", () => go(this.number + 1)],
      ["p PageUp", "previous micrograph", () => go(this.number - 1)],
      ["v", "next kind of view: plain, low-pass, denoised", () => {
        const names = ["plain", "lowpass", "denoised"];
        this.views.choose(names[(names.indexOf(this.view) + 1) % 3]);
      }],
      ["+ =", "zoom in", () => this.viewer.zoom(1.3, this.viewer.cursor ? this.viewer.toScreen(...this.viewer.cursor) : undefined)],
      ["-", "zoom out", () => this.viewer.zoom(1 / 1.3)],
      ["0", "the whole micrograph", () => { this.viewer.fit(); this.viewer.soon(); }],
      ["w a s d", "pan", null], ["w", "", pan(0, 80)], ["s", "", pan(0, -80)], ["a", "", pan(80, 0)], ["d", "", pan(-80, 0)],
      ["[ ]", "less and more contrast", null],
      ["[", "", nudge(this.sliders.contrast, -0.15)], ["]", "", nudge(this.sliders.contrast, 0.15)],
      [", .", "finer and coarser low-pass", null],
      [",", "", nudge(this.sliders.detail, -2)], [".", "", nudge(this.sliders.detail, 2)],
    ];
  }
}
