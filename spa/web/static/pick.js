// Picking by hand: click adds, a drag moves, the right button or the eraser removes; saved after every change.

import {act, bar, baseName, el, facts, finish, grouped, keys, say, segments, slider, trouble} from "./frame.js";
import {Films} from "./films.js";
import {List} from "./list.js";
import {Past} from "./past.js";
import {Saver} from "./saver.js";
import {Viewer, circles} from "./viewer.js";

const start = await facts();
const names = start.names, counts = start.counts, held = new Map();
let number = start.first, points = [], radius = 20, pixel = 1, mode = "add", shown = true, grabbed = null, drag = null;
const past = new Past(back), saver = new Saver((where, list) => act("save", {number: where, points: list}, {keepalive: true}));

const viewer = new Viewer("Micrograph. Arrows move a cross, Space picks, Delete removes, n and p change the micrograph.", paint);
const films = new Films(viewer, names.length, {view: start.ctf ? "denoised" : "lowpass", lowpass: start.lowpass}, (_, fact) => {
  pixel = fact.pixel;
  describe(fact);
});
const list = new List("Micrographs", names.length, (i) => [
  el("span", {class: "name", title: names[i]}, el("bdi", {}, baseName(names[i]))), el("span", {class: "count"}, counts[i] || "–")], go);

const total = el("div", {class: "big", id: "total"}), here = el("div", {class: "soft", id: "here"});
const name = el("span", {class: "name soft grow"});
const modes = segments("Left button", [["add", "Pick"], ["erase", "Erase"]], mode, (one) => { mode = one; viewer.element.classList.toggle("erase", one === "erase"); });
const size = slider("Circle", {min: 20, max: 600, step: 5, value: start.diameter, text: (v) => `${v} Å`, oninput: () => viewer.soon()});
const circlesTick = el("input", {type: "checkbox", checked: true, onchange: (event) => { shown = event.target.checked; viewer.soon(); }});

document.getElementById("app").append(
  bar("Pick by hand", [name, saver.element, ...past.buttons], leave),
  el("main", {},
    el("aside", {}, el("div", {class: "aside-head"}, el("span", {}, `${grouped(names.length)} micrographs`), el("span", {class: "soft"}, "picks")), list.element),
    viewer.element,
    el("aside", {class: "right", "aria-label": "Controls"},
      el("section", {}, el("h2", {}, "Picks"), total, here),
      el("section", {}, el("h2", {}, "Left button"), modes.element, el("div", {style: "height:10px"}), size.element,
        el("label", {class: "tick"}, circlesTick, "Show picks")),
      films.controls(start.ctf),
      el("section", {}, el("button", {type: "button", onclick: clear}, "Remove all picks here")))));

function paint(over) {
  radius = Number(size.input.value) / 2 / pixel;
  if (shown) circles(over, viewer, points, radius, "#4fe08d");
  if (grabbed !== null && points[grabbed]) circles(over, viewer, [points[grabbed]], radius, "#ffd24a", 2.4);
}

function describe(fact) {
  const defocus = fact.defocus ? ` · defocus ${(fact.defocus / 10000).toFixed(2)} µm` : "";
  viewer.foot.textContent = `${fact.width} × ${fact.height} · ${fact.pixel.toFixed(3)} Å/px${defocus}`;
}

function tell() {
  counts[number] = points.length;
  total.textContent = grouped(counts.reduce((sum, count) => sum + count, 0));
  here.textContent = `${points.length} on this micrograph, ${number + 1} of ${grouped(names.length)}`;
  name.textContent = names[number];
  list.choose(number);
  viewer.soon();
}

async function go(wanted) {
  if (wanted < 0 || wanted >= names.length) return;
  number = wanted;
  grabbed = null;
  points = held.get(number) || [];
  films.show(number);
  if (!held.has(number)) {
    const found = await act("points", number).catch(trouble);
    if (!found) return;
    if (!held.has(wanted)) held.set(wanted, found);
    if (wanted === number) points = held.get(wanted);
  }
  tell();
  say(`${baseName(names[number])}, ${points.length} picks`);
}

// ---- changes, each of which can be undone

function change(after, words) {
  past.did({number, before: points, after});
  put(number, after);
  say(words);
}

function put(where, list) {
  held.set(where, list);
  counts[where] = list.length;
  if (where === number) points = list;
  saver.put(where, list);
  tell();
}

async function back(record, side) {
  grabbed = null;
  if (record.number !== number) await go(record.number);
  put(record.number, record[side]);
}

const rounded = ([x, y]) => [x, y].map((v, i) => Math.round(Math.max(0, Math.min(viewer.size[i] - 1, v)) * 100) / 100);
const add = (point) => change([...points, rounded(point)], `Pick ${points.length + 1}`);
const remove = (i) => change(points.filter((_, j) => j !== i), "Removed");
const move = (i, point) => change(points.map((old, j) => (j === i ? rounded(point) : old)), "Moved");
function clear() {
  if (points.length) change([], "All removed");
}

/** The pick nearest to a point, if that lies within its circle. */
function nearest([x, y], reach = Math.max(radius, 9 / viewer.scale)) {
  let best = null, least = reach;
  points.forEach(([px, py], i) => {
    const distance = Math.hypot(px - x, py - y);
    if (distance <= least) [best, least] = [i, distance];
  });
  return best;
}

async function leave() {
  await saver.settled();
  await finish(null);
}

// ---- the mouse

const surface = viewer.overlay;
surface.addEventListener("contextmenu", (event) => event.preventDefault());
surface.addEventListener("pointerdown", (event) => {
  surface.focus({preventScroll: true});
  const at = viewer.at(event), place = viewer.toPicture(...at), near = nearest(place);
  viewer.cursor = null;
  surface.setPointerCapture(event.pointerId);
  if (event.button === 2 || (event.button === 0 && mode === "erase")) {
    drag = {kind: "erase", before: points};
    rub(place);
  } else if (event.button === 1) drag = {kind: "pan", at};
  else if (event.button === 0 && near !== null) [drag, grabbed] = [{kind: "move", at, near, before: points}, near];
  else if (event.button === 0) drag = {kind: "click", at, place};
});
surface.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const at = viewer.at(event), place = viewer.toPicture(...at), far = Math.hypot(at[0] - (drag.at?.[0] ?? 0), at[1] - (drag.at?.[1] ?? 0)) > 4;
  if (drag.kind === "erase") rub(place);
  if (drag.kind === "click" && far) drag.kind = "pan";
  if (drag.kind === "pan") {
    viewer.element.classList.add("grab");
    viewer.pan(at[0] - drag.at[0], at[1] - drag.at[1]);
    drag.at = at;
  }
  if (drag.kind === "move" && (far || drag.moved)) {
    drag.moved = place;
    points = drag.before.map((old, j) => (j === drag.near ? place : old));
    viewer.soon();
  }
});
surface.addEventListener("pointerup", () => {
  const one = drag;
  drag = null;
  viewer.element.classList.remove("grab");
  if (!one) return;
  const [x, y] = one.place || [0, 0];
  if (one.kind === "click" && x >= 0 && y >= 0 && x < viewer.size[0] && y < viewer.size[1]) add(one.place);
  if (one.before) {
    const after = points;
    points = one.before;
    if (one.kind === "move" && one.moved) move(one.near, one.moved);
    if (one.kind === "erase" && after.length !== points.length) change(after, "Removed");
  }
  grabbed = null;
  viewer.soon();
});
surface.addEventListener("pointercancel", () => { if (drag?.before) points = drag.before; drag = grabbed = null; viewer.soon(); });

function rub(place) {
  const near = nearest(place);
  if (near !== null) points = points.filter((_, j) => j !== near);
  viewer.soon();
}

// ---- the keyboard

const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
function arrow(event) {
  const [dx, dy] = steps[event.key], far = event.shiftKey ? 60 : 10;
  viewer.step(dx * far, dy * far);
  if (grabbed !== null) points = points.map((old, j) => (j === grabbed ? viewer.cursor : old));
}
function press() {
  if (grabbed !== null) return drop();
  if (!viewer.cursor) return viewer.step(0, 0);
  return mode === "erase" ? erase() : add(viewer.cursor);
}
function erase() {
  const near = viewer.cursor && nearest(viewer.cursor);
  if (near !== null) remove(near);
}
let before = null;
function grab() {
  if (grabbed !== null) return drop();
  grabbed = viewer.cursor && nearest(viewer.cursor);
  before = points;
  if (grabbed !== null) [viewer.cursor] = [[...points[grabbed]]];
  return viewer.soon();
}
function drop() {
  const one = grabbed;
  grabbed = null;
  points = before;
  move(one, viewer.cursor);
}
const arrows = Object.keys(steps);
keys([
  [arrows.join(" "), "move the cross (Shift: farther)", arrow], [arrows.map((one) => `Shift+${one}`).join(" "), "", arrow],
  ["Space Enter", "pick at the cross", press],
  ["Delete Backspace x", "remove the pick at the cross", erase],
  ["m", "take hold of the pick at the cross, arrows move it, m lets go", grab],
  ["e", "left button picks or erases", () => modes.choose(mode === "add" ? "erase" : "add")],
  ...past.keys,
  ["h", "hide and show the picks", () => circlesTick.click()],
  ["c", "larger circles (C: smaller)", () => size.set(Number(size.input.value) + 10)], ["C", "", () => size.set(Number(size.input.value) - 10)],
  ...films.keys(go),
]);
await go(number);
