// A picture that is zoomed and panned, with marks over it; coordinates are pixels of the micrograph.

import {el} from "./frame.js";

const BARS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];

export class Viewer {
  /** paint(context, viewer): draws the marks, in css pixels. */
  constructor(name, paint) {
    this.paint = paint;
    this.size = [1, 1];
    this.pixel = 1;
    this.scale = 1;
    this.origin = [0, 0];
    this.cursor = null;
    this.image = el("canvas", {class: "image", "aria-hidden": "true"});
    this.overlay = el("canvas", {class: "overlay", tabindex: 0, role: "application", "aria-label": name});
    this.bar = el("span", {class: "scale", "aria-hidden": "true"});
    this.barText = el("span", {});
    this.foot = el("span", {class: "grow"});
    this.wait = el("div", {class: "wait", hidden: true}, "…");
    this.element = el("div", {class: "viewer"}, this.image, this.overlay, this.wait, el("div", {class: "foot"}, this.foot, this.bar, this.barText));
    this.overlay.addEventListener("wheel", (event) => this.wheel(event), {passive: false});
    new ResizeObserver(() => this.resize()).observe(this.element);
  }

  /** A new picture of a micrograph of width x height pixels; the view stays unless the size changed. */
  show(bitmap, width, height, pixel) {
    if (!this.extent) this.resize();  // before the first frame
    const same = this.size[0] === width && this.size[1] === height && this.bitmap;
    [this.bitmap, this.size, this.pixel] = [bitmap, [width, height], pixel];
    if (!same) this.fit();
    this.draw();
  }

  resize() {
    const [wide, high] = [this.element.clientWidth, this.element.clientHeight], ratio = window.devicePixelRatio || 1;
    const fitted = !this.extent || Math.abs(this.scale - this.fitting()) < 1e-9;
    this.extent = [wide, high];
    for (const canvas of [this.image, this.overlay]) [canvas.width, canvas.height] = [wide * ratio, high * ratio];
    if (fitted) this.fit();
    this.draw();
  }

  fitting() {
    return this.extent ? Math.min(this.extent[0] / this.size[0], (this.extent[1] - 30) / this.size[1]) : 1;
  }

  fit() {
    if (!this.extent) return;
    this.scale = this.fitting();
    this.origin = [(this.extent[0] - this.size[0] * this.scale) / 2, (this.extent[1] - 30 - this.size[1] * this.scale) / 2];
  }

  toPicture(x, y) { return [(x - this.origin[0]) / this.scale, (y - this.origin[1]) / this.scale]; }
  toScreen(x, y) { return [x * this.scale + this.origin[0], y * this.scale + this.origin[1]]; }

  /** Where an event is: in css pixels of the viewer. */
  at(event) {
    const box = this.overlay.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), this.at(event));
  }

  zoom(factor, [x, y] = [this.extent[0] / 2, this.extent[1] / 2]) {
    const scale = Math.max(this.fitting() * 0.5, Math.min(20, this.scale * factor)), ratio = scale / this.scale;
    this.origin = [x - (x - this.origin[0]) * ratio, y - (y - this.origin[1]) * ratio];
    this.scale = scale;
    this.soon();
  }

  pan(dx, dy) {
    this.origin = [this.origin[0] + dx, this.origin[1] + dy];
    this.soon();
  }

  /** Move the keyboard's cursor by css pixels, the view following it. */
  step(dx, dy) {
    const old = this.cursor || this.toPicture(this.extent[0] / 2, this.extent[1] / 2);
    this.cursor = [0, 1].map((i) => Math.max(0, Math.min(this.size[i] - 1, old[i] + [dx, dy][i] / this.scale)));
    const [x, y] = this.toScreen(...this.cursor), edge = 40;
    this.pan(x < edge ? edge - x : Math.min(0, this.extent[0] - edge - x), y < edge ? edge - y : Math.min(0, this.extent[1] - 30 - edge - y));
  }

  contrast(contrast, brightness) {
    this.image.style.filter = `brightness(${brightness}) contrast(${contrast})`;
  }

  soon() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => { this.pending = 0; this.draw(); });
  }

  draw() {
    if (!this.extent || !this.bitmap) return;
    const ratio = window.devicePixelRatio || 1, under = this.image.getContext("2d");
    under.setTransform(1, 0, 0, 1, 0, 0);
    under.fillStyle = "#17191d";
    under.fillRect(0, 0, this.image.width, this.image.height);
    under.setTransform(ratio * this.scale, 0, 0, ratio * this.scale, ratio * this.origin[0], ratio * this.origin[1]);
    under.imageSmoothingQuality = "high";
    under.drawImage(this.bitmap, 0, 0, ...this.size);
    this.marks();
    this.rule();
  }

  /** The marks alone: the picture below them stays. */
  marks() {
    if (!this.extent || !this.bitmap) return;
    const ratio = window.devicePixelRatio || 1, over = this.overlay.getContext("2d");
    over.setTransform(ratio, 0, 0, ratio, 0, 0);
    over.clearRect(0, 0, ...this.extent);
    this.paint(over, this);
    if (this.cursor) this.cross(over);
  }

  cross(over) {
    const [x, y] = this.toScreen(...this.cursor);
    for (const [colour, width] of [["#000000", 3], ["#ffffff", 1.2]]) {
      [over.strokeStyle, over.lineWidth] = [colour, width];
      over.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        over.moveTo(x + 5 * dx, y + 5 * dy);
        over.lineTo(x + 17 * dx, y + 17 * dy);
      }
      over.stroke();
    }
  }

  rule() {
    const length = BARS.findLast((bar) => (bar / this.pixel) * this.scale < 150) || 1;
    this.bar.style.width = `${(length / this.pixel) * this.scale}px`;
    this.barText.textContent = length >= 10000 ? `${length / 10000} µm` : length >= 1000 ? `${length / 10} nm` : `${length} Å`;
  }
}

/** A drag pans; onhover([x, y]): in micrograph pixels. */
export function panning(viewer, onhover) {
  let from = null;
  viewer.overlay.addEventListener("pointerdown", (event) => {
    from = viewer.at(event);
    viewer.overlay.setPointerCapture(event.pointerId);
    viewer.element.classList.add("grab");
  });
  viewer.overlay.addEventListener("pointermove", (event) => {
    const at = viewer.at(event);
    if (!from) return onhover?.(viewer.toPicture(...at));
    viewer.pan(at[0] - from[0], at[1] - from[1]);
    from = at;
  });
  for (const name of ["pointerup", "pointercancel"]) viewer.overlay.addEventListener(name, () => {
    from = null;
    viewer.element.classList.remove("grab");
  });
}

/** Circles about points [[x, y] …] in micrograph pixels, of a radius in micrograph pixels. */
export function circles(over, viewer, points, radius, colour, width = 1.6) {
  const r = Math.max(3, radius * viewer.scale), [wide, high] = viewer.extent;
  for (const [ink, thick] of [["rgb(0 0 0 / .55)", width + 1.6], [colour, width]]) {
    over.beginPath();
    for (const [px, py] of points) {
      const [x, y] = viewer.toScreen(px, py);
      if (x < -r || y < -r || x > wide + r || y > high + r) continue;
      over.moveTo(x + r, y);
      over.arc(x, y, r, 0, 2 * Math.PI);
    }
    [over.strokeStyle, over.lineWidth] = [ink, thick];
    over.stroke();
  }
}
