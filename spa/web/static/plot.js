// A plot on a canvas: axes, whatever is painted between them, and limits that are dragged or moved by keys.

import {el} from "./frame.js";

const LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 24, SOFT = "#5b616c", LINE = "#dcdcd4";
export const KEPT = "#0b6b75", LEFT_OUT = "#d98a5b";

/** Some five round values between two. */
export function ticks({low, high, log}) {
  if (log) {
    const all = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) for (const one of [1, 2, 5]) all.push(one * 10 ** power);
    const inside = all.filter((one) => one >= low && one <= high);
    return inside.length > 7 ? inside.filter((one) => Math.abs(Math.log10(one) % 1) < 1e-9) : inside;
  }
  const rough = (high - low) / 4, unit = 10 ** Math.floor(Math.log10(rough)), step = unit * [1, 2, 5, 10].find((one) => one * unit >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(i * step);
  return found;
}

/** A number as an axis has it. */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 10000) return `${Number((value / 1000).toPrecision(4))}k`;
  return String(Number(value.toPrecision(4)));
}

export class Plot {
  /** x, y: {low, high, log, name, marks: [[value, words] …] where they are not round values}; paint(context, plot): in css pixels, clipped to the field. */
  constructor(name, {x, y, height = 150, paint}) {
    Object.assign(this, {x, y, height, paint, limits: []});
    this.canvas = el("canvas", {role: "img", "aria-label": name, style: `height:${height}px`});
    this.element = el("div", {class: "plot"}, this.canvas);
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  get width() { return this.element.clientWidth; }
  get field() { return {left: LEFT, right: this.width - RIGHT, top: TOP, bottom: this.height - BOTTOM}; }

  /** A value's place along an axis, from 0 to 1, and back. */
  part({low, high, log}, value) {
    return log ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low);
  }
  whole({low, high, log}, part) { return log ? low * (high / low) ** part : low + part * (high - low); }

  px(value) { const {left, right} = this.field; return left + this.part(this.x, value) * (right - left); }
  py(value) { const {top, bottom} = this.field; return bottom - this.part(this.y, value) * (bottom - top); }

  soon() {
    this.pending ||= requestAnimationFrame(() => { this.pending = 0; this.draw(); });
  }

  draw() {
    const wide = this.width, ratio = window.devicePixelRatio || 1;
    if (!wide) return;
    if (this.canvas.width !== Math.round(wide * ratio)) [this.canvas.width, this.canvas.height] = [Math.round(wide * ratio), Math.round(this.height * ratio)];
    const ink = this.canvas.getContext("2d"), {left, right, top, bottom} = this.field;
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, wide, this.height);
    this.axes(ink);
    ink.save();
    ink.beginPath();
    ink.rect(left, top, right - left, bottom - top);
    ink.clip();
    this.paint(ink, this);
    ink.restore();
    for (const limit of this.limits) limit.place();
  }

  axes(ink) {
    const {left, right, top, bottom} = this.field;
    Object.assign(ink, {strokeStyle: LINE, fillStyle: SOFT, lineWidth: 1, font: "11px system-ui, sans-serif", textAlign: "center", textBaseline: "top"});
    ink.beginPath();
    for (const [tick, words] of this.x.marks ?? ticks(this.x).map((one) => [one, short(one)])) {
      const x = Math.round(this.px(tick)) + 0.5;
      ink.moveTo(x, bottom); ink.lineTo(x, bottom + 4);
      ink.fillText(words, x, bottom + 6);
    }
    Object.assign(ink, {textAlign: "right", textBaseline: "middle"});
    for (const tick of ticks(this.y)) {
      const y = Math.round(this.py(tick)) + 0.5;
      ink.moveTo(left, y); ink.lineTo(right, y);
      ink.fillText(short(tick), left - 5, y);
    }
    ink.moveTo(left + 0.5, top); ink.lineTo(left + 0.5, bottom + 0.5); ink.lineTo(right, bottom + 0.5);
    ink.stroke();
  }

  limit(options) {
    const made = new Limit(this, options);
    this.limits.push(made);
    this.element.append(made.element);
    return made;
  }

  /** Bars of counts over equal parts of the x axis, piled up: [[counts, colour], …]. */
  bars(ink, piles) {
    const {left, right} = this.field, n = piles[0][0].length, wide = (right - left) / n;
    const under = new Float64Array(n);
    for (const [counts, colour] of piles) {
      ink.fillStyle = colour;
      for (let i = 0; i < n; i++) {
        if (!counts[i]) continue;
        const from = this.py(under[i]), to = this.py(under[i] += counts[i]);
        ink.fillRect(left + i * wide + 0.5, Math.min(to, from - 1), wide - 1, Math.max(1, from - to));
      }
    }
  }
}

/** Where values end: at the low or the high end of an axis; at the end itself there is no limit (null). */
class Limit {
  /** axis: "x" or "y"; end: "low" or "high"; name; value; onmove(value) while it moves, ondone() when it has. */
  constructor(plot, {axis, end, name, value, onmove, ondone}) {
    Object.assign(this, {plot, axis, end, name, value, onmove, ondone});
    this.element = el("div", {class: `limit ${axis} ${end}`, role: "slider", tabindex: 0, "aria-label": name, "aria-orientation": axis === "x" ? "horizontal" : "vertical"});
    this.element.addEventListener("pointerdown", (event) => this.grab(event));
    this.element.addEventListener("keydown", (event) => this.key(event));
  }

  get scale() { return this.plot[this.axis]; }
  get edge() { return this.scale[this.end]; }

  place() {
    const {left, right, top, bottom} = this.plot.field, at = this.value ?? this.edge, box = this.element.style;
    const inside = Math.max(this.scale.low, Math.min(this.scale.high, at));  // one that is farther out rests at the end
    if (this.axis === "x") [box.left, box.top, box.height] = [`${this.plot.px(inside)}px`, `${top}px`, `${bottom - top}px`];
    else [box.top, box.left, box.width] = [`${this.plot.py(inside)}px`, `${left}px`, `${right - left}px`];
    this.element.setAttribute("aria-valuemin", this.scale.low);
    this.element.setAttribute("aria-valuemax", this.scale.high);
    this.element.setAttribute("aria-valuenow", inside);
    this.element.setAttribute("aria-valuetext", this.value === null ? "no limit" : short(this.value));
    this.element.classList.toggle("none", this.value === null);
    this.element.title = `${this.name}: ${this.value === null ? "none" : short(this.value)}`;
  }

  /** To a part of the axis. */
  move(part) {
    const beyond = this.end === "low" ? part <= 0 : part >= 1;
    this.value = beyond ? null : Number(this.plot.whole(this.scale, Math.max(0, Math.min(1, part))).toPrecision(4));
    this.place();
    this.onmove(this.value);
  }

  grab(event) {
    event.preventDefault();
    this.element.focus({preventScroll: true});
    this.element.setPointerCapture(event.pointerId);
    const follow = (moved) => {
      const box = this.plot.canvas.getBoundingClientRect(), {left, right, top, bottom} = this.plot.field;
      this.move(this.axis === "x" ? (moved.clientX - box.left - left) / (right - left) : (bottom - (moved.clientY - box.top)) / (bottom - top));
    };
    this.element.addEventListener("pointermove", follow);
    const end = () => {
      this.element.removeEventListener("pointermove", follow);
      this.ondone();
    };
    this.element.addEventListener("lostpointercapture", end, {once: true});
  }

  key(event) {
    const way = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1}[event.key];
    if (way === undefined && event.key !== "Delete" && event.key !== "Backspace") return;
    event.preventDefault();
    event.stopPropagation();
    const part = Math.max(0, Math.min(1, this.plot.part(this.scale, this.value ?? this.edge)));
    this.move(way === undefined ? (this.end === "low" ? 0 : 1) : part + way * (event.shiftKey ? 0.05 : 0.005));
    this.ondone();
  }
}

/** The ends of finite values, with a little room. */
export function ends(values, log = false) {
  let low = Infinity, high = -Infinity;
  for (const value of values) if (Number.isFinite(value) && (!log || value > 0)) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = log ? [0.1, 10] : [0, 1];
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  return log ? {low: low / 1.1, high: high * 1.1, log} : {low: low - 0.04 * (high - low), high: high + 0.04 * (high - low)};
}
