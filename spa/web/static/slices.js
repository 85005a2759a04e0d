// Three slices through a map, one across each axis.

import {el} from "./frame.js";
import {half} from "./volume.js";

const AXES = ["z", "y", "x"];
let table; // the number of each 16 bits

export class Slices {
  constructor() {
    this.figures = AXES.map((axis) => {
      const canvas = el("canvas", {role: "img"}), words = el("figcaption", {class: "soft number"});
      return {axis, canvas, words, element: el("figure", {}, canvas, words)};
    });
    this.element = el("div", {class: "slices"}, ...this.figures.map((one) => one.element));
  }

  /** Another map; name: of it. */
  show(volume, name) {
    [this.volume, this.name] = [volume, name];
    table ||= Float32Array.from({length: 65536}, (_, bits) => half(bits));
    const {grey: [low, high], scale} = volume.facts;
    this.greys = Uint8ClampedArray.from(table, (v) => (255 * (v * scale - low)) / Math.max(high - low, 1e-30));
  }

  /** At places [z, y, x] from -1 to 1 of each axis. */
  draw(places) {
    if (!this.volume) return;
    const {bits, shape, facts} = this.volume, [nz, ny, nx] = shape, step = [ny * nx, nx, 1];
    this.figures.forEach(({axis, canvas, words}, i) => {
      const at = Math.max(0, Math.min(shape[i] - 1, Math.floor(shape[i] / 2) + Math.round((places[i] * shape[i]) / 2)));
      const [down, across] = [0, 1, 2].filter((one) => one !== i), [high, wide] = [shape[down], shape[across]];
      [canvas.width, canvas.height] = [wide, high];
      const ink = canvas.getContext("2d"), image = ink.createImageData(wide, high), pixels = new Uint32Array(image.data.buffer);
      for (let row = 0, o = 0; row < high; row++) {
        let from = at * step[i] + (high - 1 - row) * step[down]; // the axis grows upwards
        for (let column = 0; column < wide; column++, from += step[across]) pixels[o++] = 0xff000000 | (0x10101 * this.greys[bits[from]]);
      }
      ink.putImageData(image, 0, 0);
      const place = (at - Math.floor(shape[i] / 2)) * facts.voxel;
      words.textContent = `${axis} = ${place.toFixed(1)} Å`;
      canvas.setAttribute("aria-label", `${this.name}, slice at ${axis} ${place.toFixed(0)} angstroms`);
    });
  }
}
