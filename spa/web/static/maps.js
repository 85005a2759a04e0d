// Maps: surfaces with a level, slices, two side by side with one camera.

import {baseName, el, say, segments, slider, trouble} from "./frame.js";
import {Camera} from "./camera.js";
import {Slices} from "./slices.js";
import {Surface} from "./surface.js";
import {volume} from "./volume.js";

const COLOURS = [[0.55, 0.71, 0.86], [0.9, 0.72, 0.46]], SIDES = ["A", "B"], STEPS = 1000;

/** What a map is called. */
export function called({name, role, class: number}) {
  const words = [role && role !== "map" ? role : "", number ? `class ${number}` : ""].filter(Boolean).join(", ");
  return words ? `${name}  (${words})` : name;
}

/** One of the two places for a map: its surface, its slices, its level. */
class Side {
  constructor(maps, letter, camera, colour, ondrawn) {
    Object.assign(this, {maps, letter, camera, ondrawn, number: -1});
    this.surface = new Surface(`Surface of map ${letter}`, camera, colour);
    this.slices = new Slices();
    this.label = el("div", {class: "label"});
    this.view = el("div", {class: "map", hidden: true}, this.label, this.surface.canvas);
    this.choice = el("select", {"aria-label": `Map ${letter}`, onchange: () => this.show(Number(this.choice.value))},
      letter === "B" ? el("option", {value: -1}, "none") : null, ...maps.map((one, i) => el("option", {value: i}, called(one))));
    this.level = slider(`Level ${letter}`, {min: 0, max: STEPS, value: 0, text: (v) => this.written(v), oninput: (v) => this.leveled(v)});
    this.told = el("p", {class: "soft number told"});
    const swatch = el("span", {class: "swatch", style: `background:rgb(${colour.map((c) => 255 * c)})`});
    this.controls = el("section", {}, el("h2", {}, swatch, `Map ${letter}`), el("div", {class: "row"}, this.choice), el("div", {style: "height:8px"}), this.level.element, this.told);
  }

  async show(number) {
    this.choice.value = this.number = number;
    this.level.input.disabled = number < 0;
    if (number < 0) {
      [this.volume, this.told.textContent] = [null, ""];
      return this.ondrawn();
    }
    try {
      this.label.textContent = "…";
      const most = this.surface.most, found = await volume(number, most ? Math.min(320, most) : 320);
      if (this.number !== number) return;
      this.volume = found;
      this.surface.show(found);
      this.slices.show(found, baseName(this.maps[number].name));
      this.tell(found.facts);
      this.level.set(this.place(found.facts.level));
      this.ondrawn();
    } catch (error) {
      if (this.number === number) trouble(error);
    }
  }

  tell({box, pixel, voxel, shape, mean, sd}) {
    const one = this.maps[this.number], sides = box.every((n) => n === box[0]) ? `${box[0]}³` : [...box].reverse().join(" × ");
    const drawn = shape[0] < box[0] ? `; drawn ${shape[0]}³ of ${voxel.toFixed(3)} Å` : "";
    this.label.textContent = baseName(called(one));
    this.told.textContent = `${sides} voxels of ${Number(pixel.toFixed(4))} Å${drawn}; mean ${mean.toPrecision(3)}, sd ${sd.toPrecision(3)}`;
  }

  // The slider goes from the mean to the largest value, finer at the low end.
  value(step) {
    const {mean, ends} = this.volume.facts;
    return mean + (ends[1] - mean) * (step / STEPS) ** 2;
  }
  place(level) {
    const {mean, ends} = this.volume.facts;
    return Math.round(STEPS * Math.sqrt(Math.max(0, level - mean) / Math.max(ends[1] - mean, 1e-30)));
  }
  written(step) {
    if (!this.volume) return "";
    const level = this.value(step), {mean, sd} = this.volume.facts;
    return `${level.toPrecision(3)} = ${((level - mean) / Math.max(sd, 1e-30)).toFixed(1)} σ`;
  }
  leveled(step) {
    if (!this.volume) return;
    this.surface.level = this.value(step);
    this.surface.soon(true);
  }
  nudge(by) { if (this.volume) this.level.set(Math.max(0, Math.min(STEPS, Number(this.level.input.value) + by))); }
}

/** facts: what maps there are; the panel's element and its keys. */
export function maps(facts) {
  let mode = "surface", places = [0, 0, 0], sides = [];
  const camera = new Camera(1, (moving) => sides.forEach((one) => one.surface.soon(moving)));
  sides = SIDES.map((letter, i) => new Side(facts, letter, camera, COLOURS[i], arranged));
  const views = el("div", {class: "pane surfaces", tabindex: 0, role: "application",
    "aria-label": "Surfaces. Arrows turn, plus and minus zoom, brackets move the level."}, ...sides.map((one) => one.view));
  const cuts = el("div", {class: "pane cuts", hidden: true}, ...sides.map((one) => one.slices.element));
  camera.follow(views);
  let framed = 0;

  function arranged() {
    sides.forEach((one) => {
      one.view.hidden = !one.volume;
      one.slices.element.hidden = !one.volume;
    });
    if (!framed && sides[0].volume) {
      camera.home = framed = 1.12 * sides[0].volume.facts.reach;
      camera.reset();
    }
    views.hidden = mode === "slices";
    cuts.hidden = mode === "surface";
    if (mode !== "surface") sides.forEach((one) => one.slices.draw(places));
    if (mode !== "slices") sides.forEach((one) => one.surface.soon(false));
    document.body.dataset.maps = sides.map((one) => (one.volume ? one.number : -1)).join(" ");
  }

  const modes = segments("Show", [["surface", "Surface"], ["slices", "Slices"], ["both", "Both"]], mode, (one) => { mode = one; arranged(); });
  const cut = slider("Cut the front off", {min: 0, max: 100, value: 0, text: (v) => (v ? `${v} %` : "no"), oninput: (v) => {
    camera.near = v ? camera.home * (1 - v / 50) : 1e6;
    camera.onchange(true);
  }});
  const places_ = ["z", "y", "x"].map((axis, i) => slider(`Slice ${axis}`, {min: -100, max: 100, value: 0, text: (v) => `${v} %`, oninput: (v) => {
    places[i] = v / 100;
    if (mode !== "surface") sides.forEach((one) => one.slices.draw(places));
  }}));
  const button = (text, action, key, title) => el("button", {type: "button", onclick: action, "aria-keyshortcuts": key, title}, text);
  const aside = el("aside", {class: "right", "aria-label": "Maps"}, el("section", {}, modes.element), ...sides.map((one) => one.controls),
    el("section", {}, el("h2", {}, "Look"), el("div", {class: "row"}, button("Along x", () => camera.along("x"), "x"), button("y", () => camera.along("y"), "y"),
      button("z", () => camera.along("z"), "z"), button("Reset", () => reset(), "0")), el("div", {style: "height:10px"}), cut.element),
    el("section", {}, el("h2", {}, "Slices"), ...places_.map((one) => one.element)),
    el("section", {}, button("Save the picture", save, "Ctrl+s", "As PNG, as large as it is on the screen")));

  function reset() {
    camera.reset();
    cut.set(0);
  }

  function save() {
    const shown = sides.filter((one) => one.volume), canvases = shown.map((one) => one.surface.canvas);
    const wide = canvases.reduce((sum, one) => sum + one.width, 0), high = Math.max(...canvases.map((one) => one.height));
    const whole = el("canvas", {width: wide, height: high}), ink = whole.getContext("2d");
    let x = 0;
    for (const one of canvases) {
      ink.drawImage(one, x, 0);
      x += one.width;
    }
    const link = el("a", {download: `${baseName(facts[shown[0].number].name).replace(/\.[^.]+$/, "")}.png`});
    link.href = whole.toDataURL("image/png");
    link.click();
    say("Saved");
  }

  const next = (side, by) => () => {
    const first = side === sides[1] ? -1 : 0, count = facts.length - first;
    side.show(first + ((side.number - first + by + count) % count));
  };
  const turn = (axis, angle) => () => camera.turn(axis, angle), pan = (dx, dy) => () => camera.pan(dx * camera.reach, dy * camera.reach);
  const keys = [
    ["ArrowLeft ArrowRight ArrowUp ArrowDown", "turn", null], ["ArrowLeft", "", turn("y", -0.1)], ["ArrowRight", "", turn("y", 0.1)],
    ["ArrowUp", "", turn("x", -0.1)], ["ArrowDown", "", turn("x", 0.1)], [", .", "roll", null], [",", "", turn("z", 0.1)], [".", "", turn("z", -0.1)],
    ["+ =", "zoom in", () => camera.zoom(1.15)], ["-", "zoom out", () => camera.zoom(1 / 1.15)],
    ["Shift+Arrow", "shift", null], ["Shift+ArrowLeft", "", pan(-0.06, 0)], ["Shift+ArrowRight", "", pan(0.06, 0)],
    ["Shift+ArrowUp", "", pan(0, 0.06)], ["Shift+ArrowDown", "", pan(0, -0.06)],
    ["[ ]", "level of map A", null], ["[", "", () => sides[0].nudge(-8)], ["]", "", () => sides[0].nudge(8)],
    ["{ }", "level of map B", null], ["{", "", () => sides[1].nudge(-8)], ["}", "", () => sides[1].nudge(8)],
    ["x y z", "look along an axis", null], ...["x", "y", "z"].map((axis) => [axis, "", () => camera.along(axis)]),
    ["0", "as at first", reset], ["c C", "cut more or less off the front", null],
    ["c", "", () => cut.set(Math.min(100, Number(cut.input.value) + 5))], ["C", "", () => cut.set(Math.max(0, Number(cut.input.value) - 5))],
    ["v", "surface, slices or both", () => { const list = ["surface", "slices", "both"]; modes.choose(list[(list.indexOf(mode) + 1) % 3]); }],
    ["n p", "next and previous map A", null], ["n", "", next(sides[0], 1)], ["p", "", next(sides[0], -1)],
    ["b B", "next and previous map B", null], ["b", "", next(sides[1], 1)], ["B", "", next(sides[1], -1)],
    ["Ctrl+s", "save the picture", save],
  ];
  sides[0].show(0);
  const second = facts.findIndex((one, i) => i && !one.role && !facts[0].role);
  sides[1].show(second > 0 && facts.length === 2 ? second : -1);
  if (!sides[0].surface.gl) trouble(new Error("This browser has no WebGL 2, or it is turned off: surfaces cannot be drawn; slices can."));
  return {element: el("div", {class: "pane"}, el("div", {class: "pane column"}, views, cuts), aside), keys, focus: views, go: (number) => sides[0].show(number)};
}
