// Very many points on a plot: their places are kept, their colours written as pixels.

/** "#rrggbb" as a pixel of ImageData has it. */
const pixel = (colour) => {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
};

export class Dots {
  /** xs, ys: of each point, in the plot's units; size: of a point, css pixels. */
  constructor(plot, xs, ys, size) {
    Object.assign(this, {plot, xs, ys, size, made: ""});
    this.canvas = document.createElement("canvas");
  }

  place() {
    const {plot, xs, ys} = this, ratio = window.devicePixelRatio || 1, made = `${plot.width} ${plot.height} ${ratio} ${plot.y.low} ${plot.y.high}`;
    if (made === this.made) return;
    this.made = made;
    this.wide = this.canvas.width = Math.max(1, Math.round(plot.width * ratio));
    this.high = this.canvas.height = Math.max(1, Math.round(plot.height * ratio));
    this.side = Math.max(1, Math.round(this.size * ratio));
    this.image = new ImageData(this.wide, this.high);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.where = new Int32Array(xs.length);
    for (let i = 0; i < xs.length; i++) {
      const x = Math.round(plot.px(xs[i]) * ratio - this.side / 2), y = Math.round(plot.py(ys[i]) * ratio - this.side / 2);
      const inside = x >= 0 && y >= 0 && x + this.side <= this.wide && y + this.side <= this.high;  // false for NaN
      this.where[i] = inside ? y * this.wide + x : -1;
    }
  }

  /** states: of each point, 0, 1 …; colours: of each state, the last one above the others. */
  paint(ink, states, colours) {
    this.place();
    const {where, pixels, side, wide} = this;
    pixels.fill(0);
    colours.forEach((colour, state) => {
      const value = pixel(colour);
      for (let i = 0; i < where.length; i++) {
        if (states[i] !== state || where[i] < 0) continue;
        for (let row = 0, at = where[i]; row < side; row++, at += wide) pixels.fill(value, at, at + side);
      }
    });
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
    ink.drawImage(this.canvas, 0, 0, this.plot.width, this.plot.height);
  }
}
