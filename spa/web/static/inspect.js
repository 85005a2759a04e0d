// Limits on score and local power, dragged on histograms; picks over their micrographs, kept and left out.

import {act, bar, baseName, el, facts, finish, grouped, keys, picture, say, slider} from "./frame.js";
import {Dots} from "./dots.js";
import {Films} from "./films.js";
import {List} from "./list.js";
import {Past} from "./past.js";
import {KEPT, LEFT_OUT, Plot, ends, short} from "./plot.js";
import {Saver} from "./saver.js";
import {Viewer, circles, panning} from "./viewer.js";

const BINS = 64;
const start = await facts(), {names, counts} = start, total = counts.reduce((sum, one) => sum + one, 0);
const numbers = new Float64Array(await (await fetch(picture("picks", {}))).arrayBuffer());
const columns = ["x", "y", ...["score", "power", "level"].filter((name) => start[name])];
const values = Object.fromEntries(columns.map((name, i) => [name, numbers.subarray(i * total, (i + 1) * total)]));
const first = [0];
for (const count of counts) first.push(first.at(-1) + count);

let limits = {...start.limits}, number = 0, pixel = 1, shown = true;
const kept = new Uint8Array(total), keptOf = new Uint32Array(names.length);
const saver = new Saver((_, value) => act("save", value, {keepalive: true})), past = new Past((record, side) => put(record[side]));

// ---- what is within the limits

function sort() {
  const {min_score, min_power, max_power, max_level} = limits, {score, power, level} = values;
  keptOf.fill(0);
  for (let film = 0; film < names.length; film++) {
    for (let i = first[film]; i < first[film + 1]; i++) {
      kept[i] = !((score && min_score !== null && !(score[i] >= min_score)) || (power && min_power !== null && !(power[i] >= min_power)) ||
        (power && max_power !== null && !(power[i] <= max_power)) || (level && max_level !== null && !(level[i] <= max_level)));
      keptOf[film] += kept[i];
    }
  }
}

/** In which bin of a plot's x axis each value is; BINS where in none. */
function binned(column, plot) {
  return Uint8Array.from(column, (value) => {
    const part = plot.part(plot.x, value);
    return part >= 0 && part <= 1 ? Math.min(BINS - 1, Math.floor(part * BINS)) : BINS;
  });
}

function histogram(bins) {
  const all = [new Uint32Array(BINS + 1), new Uint32Array(BINS + 1)];
  for (let i = 0; i < total; i++) all[kept[i]][bins[i]]++;
  return all.map((one) => one.subarray(0, BINS));
}

// ---- plots

const handles = [], plots = [];
function histogramCard(name, column, log, marks) {
  const plot = new Plot(`Histogram of ${name.toLowerCase()}`, {x: ends(column, log), y: {low: 0, high: 1}, height: 128, paint(ink) {
    plot.bars(ink, [[plot.counts[1], KEPT], [plot.counts[0], LEFT_OUT]]);
  }});
  const bins = binned(column, plot);
  plot.count = () => { plot.counts = histogram(bins); };
  kept.fill(1);
  plot.count();
  plot.y.high = 1.05 * Math.max(1, ...plot.counts[1]);
  plots.push(plot);
  const said = el("span", {class: "soft number"});
  for (const [key, end, words] of marks) {
    const handle = plot.limit({axis: "x", end, name: words, value: limits[key], onmove: (value) => { limits = {...limits, [key]: value}; soon(); }, ondone: keep});
    handle.word = key;
    handles.push(handle);
  }
  plot.tell = () => { said.textContent = marks.map(([key, end]) => (limits[key] === null ? "" : `${end === "low" ? "≥" : "≤"} ${short(limits[key])}`)).filter(Boolean).join(", ") || "no limit"; };
  return el("section", {}, el("div", {class: "row", style: "justify-content:space-between"}, el("h2", {}, name), said), plot.element);
}

function scatterCard() {
  const {score, power} = values;
  const plot = new Plot("Local power against score", {x: ends(score), y: ends(power, true), height: 170, paint(ink) {
    dots.paint(ink, kept, [LEFT_OUT, KEPT]);
  }});
  const dots = new Dots(plot, score, power, total < 20000 ? 2 : 1);
  plots.push(plot);
  return el("section", {}, el("h2", {}, "Local power against score"), plot.element);
}

const cards = [
  start.score && histogramCard("Score", values.score, false, [["min_score", "low", "Least score"]]),
  start.power && histogramCard("Local power", values.power, true, [["min_power", "low", "Least local power"], ["max_power", "high", "Largest local power"]]),
  start.level && histogramCard("Density", values.level, false, [["max_level", "high", "Largest density"]]),
  start.score && start.power && scatterCard(),
].filter(Boolean);

// ---- the page

const viewer = new Viewer("Micrograph with its picks. n and p change the micrograph.", paint);
const films = new Films(viewer, names.length, start, (_, fact) => { pixel = fact.pixel; describe(); viewer.soon(); });
const list = new List("Micrographs", names.length, (i) => [
  el("span", {class: "name", title: names[i]}, el("bdi", {}, baseName(names[i]))), el("span", {class: "count"}, `${keptOf[i]} / ${counts[i]}`)], go);
const big = el("div", {class: "big", id: "kept"}), part = el("div", {class: "soft", id: "part"}), meter = el("meter", {min: 0, max: total, "aria-label": "Picks kept"});
const name = el("span", {class: "name soft grow"});
const size = slider("Circle", {min: 20, max: 600, step: 5, value: Math.round(start.diameter), text: (v) => `${v} Å`, oninput: () => viewer.soon()});
const tick = el("input", {type: "checkbox", checked: true, onchange: (event) => { shown = event.target.checked; viewer.soon(); }});
const button = (text, action, key) => el("button", {type: "button", onclick: action, "aria-keyshortcuts": key}, text);

document.getElementById("app").append(
  bar("Inspect picks", [name, saver.element, ...past.buttons], leave),
  el("main", {},
    el("aside", {}, el("div", {class: "aside-head"}, el("span", {}, `${grouped(names.length)} micrographs`), el("span", {class: "soft"}, "kept / picks")), list.element),
    viewer.element,
    el("aside", {class: "right wide", "aria-label": "Limits"},
      el("section", {}, el("h2", {}, "Kept"), big, part, meter,
        el("div", {class: "row", style: "margin-top:10px"}, button("Suggested", suggest, "g"), button("No limits", free, "f"))),
      ...cards,
      films.controls(start.view === "denoised"),
      el("section", {}, el("h2", {}, "Picks"), size.element, el("label", {class: "tick"}, tick, "Show what is left out, too")))));

function paint(over) {
  const inside = [], outside = [], radius = Number(size.input.value) / 2 / pixel;
  for (let i = first[number]; i < first[number + 1]; i++) (kept[i] ? inside : outside).push([values.x[i], values.y[i]]);
  if (shown) circles(over, viewer, outside, radius, "#ff9d6b", 1.2);
  circles(over, viewer, inside, radius, "#4fe08d");
}

/** What is under the pointer. */
function describe([x, y] = [-1e9, -1e9]) {
  let best = -1, least = Number(size.input.value) / 2 / pixel;
  for (let i = first[number]; i < first[number + 1]; i++) {
    const away = Math.hypot(values.x[i] - x, values.y[i] - y);
    if (away < least) [best, least] = [i, away];
  }
  const told = columns.slice(2).map((one) => `${one} ${best < 0 ? "" : short(values[one][best])}`).join(" · ");
  viewer.foot.textContent = best < 0 ? `${keptOf[number]} of ${counts[number]} picks kept` : `${told} · ${kept[best] ? "kept" : "left out"}`;
}

function show() {
  sort();
  const sum = keptOf.reduce((all, one) => all + one, 0);
  big.textContent = grouped(sum);
  part.textContent = `of ${grouped(total)} picks, ${total ? ((100 * sum) / total).toFixed(1) : 0} %; ${grouped(sum / names.length)} a micrograph`;
  meter.value = sum;
  for (const plot of plots) {
    plot.count?.();
    plot.tell?.();
    plot.draw();
  }
  list.render();
  describe();
  viewer.marks();
}
let pending = 0;
function soon() { pending ||= requestAnimationFrame(() => { pending = 0; show(); }); }

function go(wanted) {
  if (wanted < 0 || wanted >= names.length) return;
  number = wanted;
  name.textContent = names[number];
  films.show(number);
  list.choose(number);
  viewer.soon();
  describe();
  say(`${baseName(names[number])}, ${keptOf[number]} of ${counts[number]} picks kept`);
}

// ---- changes

let before = limits;
function put(after) {
  limits = before = {...after};
  for (const handle of handles) handle.value = limits[handle.word];
  saver.put("limits", limits);
  soon();
}
/** What the handles say now is a change. */
function keep() {
  const after = limits;
  if (Object.keys(after).every((key) => after[key] === before[key])) return;
  past.did({before, after});
  put(after);
}
function suggest() { limits = {...start.suggested}; keep(); say("The suggested limits"); }
function free() { limits = Object.fromEntries(Object.keys(limits).map((key) => [key, null])); keep(); say("No limits"); }

async function leave() {
  await saver.settled();
  await finish(null);
}

panning(viewer, describe);
const focused = (index) => () => handles[index]?.element.focus();
keys([
  ["1 … 4", "to the limits: arrows move one (Shift: farther), Delete takes it away", null],
  ...handles.map((_, i) => [String(i + 1), "", focused(i)]),
  ["g", "the suggested limits", suggest], ["f", "no limits", free],
  ...past.keys,
  ["h", "hide and show what is left out", () => tick.click()],
  ["c", "larger circles (C: smaller)", () => size.set(Number(size.input.value) + 10)], ["C", "", () => size.set(Number(size.input.value) - 10)],
  ...films.keys(go),
]);
show();
go(0);
