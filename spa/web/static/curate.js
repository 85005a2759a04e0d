// Exposures by their figures: a plot of each, limits dragged on it; what is beyond any of them is dropped.

import {act, bar, baseName, el, facts, finish, grouped, keys, picture, say} from "./frame.js";
import {Dots} from "./dots.js";
import {List} from "./list.js";
import {Past} from "./past.js";
import {KEPT, LEFT_OUT, Plot, ends, short} from "./plot.js";
import {Saver} from "./saver.js";

const BINS = 28, SIZES = [[100, 5], [1000, 3], [Infinity, 2]];  // points are as large as there is room
const start = await facts(), {names, figures, holds} = start, count = names.length;
for (const one of figures) one.numbers = Float64Array.from(one.values, (value) => value ?? NaN);
let chosen = {limits: start.limits, dropped: new Set(start.dropped)}, before = chosen, number = 0;
const dot = SIZES.find(([most]) => count < most)[1], kept = new Uint8Array(count), beyond = new Map();
const saver = new Saver((_, value) => act("save", value, {keepalive: true})), past = new Past((record, side) => put(record[side]));

const limitsOf = (name) => chosen.limits[name] || [null, null];
const outside = (value, [low, high]) => (low !== null && value < low) || (high !== null && value > high);

function sort() {
  for (let i = 0; i < count; i++) kept[i] = holds[i] && !chosen.dropped.has(i);
  for (const one of figures) {
    const limits = limitsOf(one.name);
    let sum = 0;
    for (let i = 0; i < count; i++) if (outside(one.numbers[i], limits)) { kept[i] = 0; sum++; }
    beyond.set(one.name, sum);
  }
}

/** Why an exposure is dropped. */
function reasons(i) {
  const found = figures.filter((one) => outside(one.numbers[i], limitsOf(one.name))).map((one) => `${one.words} ${short(one.numbers[i])}`);
  if (!holds[i]) found.push("the rules given");
  if (chosen.dropped.has(i)) found.push("by hand");
  return found;
}

// ---- a card for each figure

const order = Float64Array.from({length: count}, (_, i) => i + 1);
const cards = figures.map((figure) => {
  const {numbers, words, unit} = figure, plain = ends(numbers), log = numbers.every((one) => !(one <= 0)) && plain.high > 60 * ends(numbers, true).low;
  const y = ends(numbers, log), said = el("span", {class: "soft number"});
  for (const limit of [...limitsOf(figure.name), ...(start.suggested[figure.name] || [])]) {
    if (limit !== null && limit > y.high && limit < y.high + 0.5 * (y.high - y.low)) y.high = limit + 0.02 * (y.high - y.low);
    if (limit !== null && !log && limit < y.low && limit > y.low - 0.5 * (y.high - y.low)) y.low = limit - 0.02 * (y.high - y.low);
  }
  const plot = new Plot(`${words} of every exposure`, {x: {low: 0, high: count + 1}, y, height: 158, paint(ink) {
    side(ink);
    dots.paint(ink, kept, [LEFT_OUT, KEPT]);
    if (Number.isNaN(numbers[number])) return;
    [ink.strokeStyle, ink.lineWidth] = ["#20242c", 1.5];
    ink.beginPath();
    ink.arc(plot.px(number + 1), plot.py(numbers[number]), 5, 0, 2 * Math.PI);
    ink.stroke();
  }});

  const dots = new Dots(plot, order, numbers, dot), bins = new Uint32Array(BINS);
  for (const value of numbers) if (!Number.isNaN(value)) bins[Math.max(0, Math.min(BINS - 1, Math.floor(plot.part(y, value) * BINS)))]++;

  /** How many have which value, as pale bars from the right. */
  function side(ink) {
    const {right, top, bottom} = plot.field, high = (bottom - top) / BINS;
    const most = Math.max(1, ...bins);
    ink.fillStyle = "#e0f0f0";
    bins.forEach((one, i) => ink.fillRect(right - (one / most) * 60, bottom - (i + 1) * high + 0.5, (one / most) * 60, high - 1));
  }

  const handles = [["low", `Least ${words.toLowerCase()}`], ["high", `Largest ${words.toLowerCase()}`]].map(([end, name], at) => plot.limit({
    axis: "y", end, name, value: limitsOf(figure.name)[at], ondone: keep,
    onmove(value) {
      const pair = [...limitsOf(figure.name)];
      pair[at] = value;
      chosen = {...chosen, limits: {...chosen.limits, [figure.name]: pair}};
      soon();
    },
  }));
  plot.element.addEventListener("pointermove", (event) => hover(event, event.buttons ? -1 : nearest(event)));
  plot.element.addEventListener("pointerleave", () => hover(null, -1));
  plot.canvas.addEventListener("click", (event) => { const at = nearest(event); if (at >= 0) go(at); });

  function nearest(event) {
    const box = plot.canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    let best = -1, least = 14;
    for (let i = 0; i < count; i++) {
      const away = Math.hypot(plot.px(i + 1) - x, plot.py(numbers[i]) - y);
      if (away < least) [best, least] = [i, away];
    }
    return best;
  }

  function tell() {
    const [low, high] = limitsOf(figure.name), sum = beyond.get(figure.name);
    const between = [low === null ? "" : `≥ ${short(low)}`, high === null ? "" : `≤ ${short(high)}`].filter(Boolean).join(", ");
    said.textContent = between ? `${between}${unit && ` ${unit}`} · drops ${grouped(sum)}` : "no limit";
    [handles[0].value, handles[1].value] = [low, high];
    plot.draw();
  }
  const head = el("div", {class: "head"}, el("b", {}, words, unit ? el("span", {class: "soft"}, ` ${unit}`) : null), said);
  return {element: el("section", {class: "card", "aria-label": words}, head, plot.element), tell, plot};
});

// ---- what is under the pointer

const hoverImage = el("img", {alt: ""}), hoverName = el("div", {class: "name"}), hoverWords = el("div", {class: "soft", style: "font-size:12px"});
const popup = el("div", {class: "hover", hidden: true, "aria-hidden": "true"}, hoverImage, hoverName, hoverWords);
document.body.append(popup);
let hovered = -1, later = 0;
function hover(event, at) {
  popup.hidden = at < 0;
  if (at < 0) { hovered = -1; return; }
  popup.style.left = `${Math.min(event.clientX + 18, window.innerWidth - 290)}px`;
  popup.style.top = `${Math.max(8, Math.min(event.clientY - 150, window.innerHeight - 330))}px`;
  if (at === hovered) return;
  hovered = at;
  hoverName.textContent = baseName(names[at]);
  hoverWords.textContent = kept[at] ? "kept" : `dropped: ${reasons(at).join(", ")}`;
  clearTimeout(later);
  later = setTimeout(() => { hoverImage.src = picture("thumb", {number: at}); }, 60);
}

// ---- the sides

const list = new List("Exposures", count, (i) => [
  el("span", {class: "name", title: names[i]}, el("bdi", {}, baseName(names[i]))), el("span", {class: kept[i] ? "good" : "out"}, kept[i] ? "✓" : "✗")], go);
const big = el("div", {class: "big", id: "kept"}), part = el("div", {class: "soft", id: "part"}), meter = el("meter", {min: 0, max: count, "aria-label": "Exposures kept"});
const large = el("img", {class: "large whole", alt: "The current exposure"}), which = el("p", {class: "name", style: "overflow-wrap:anywhere;margin:6px 0"});
const why = el("p", {id: "why", style: "margin:0 0 8px"}), table = el("table", {class: "figures"});
const toggle = el("button", {type: "button", id: "drop", onclick: drop, "aria-keyshortcuts": "x"});
const button = (text, action, key) => el("button", {type: "button", onclick: action, "aria-keyshortcuts": key}, text);
large.addEventListener("error", () => { large.alt = "This exposure cannot be read"; });

document.getElementById("app").append(
  bar("Curate exposures", [el("span", {class: "grow"}), saver.element, ...past.buttons], leave),
  el("main", {},
    el("aside", {}, el("div", {class: "aside-head"}, el("span", {}, `${grouped(count)} exposures`), el("span", {class: "soft"}, "kept")), list.element),
    el("div", {class: "plots", tabindex: 0, role: "region", "aria-label": "Figures"}, ...cards.map((one) => one.element)),
    el("aside", {class: "right", "aria-label": "Choice"},
      el("section", {}, el("h2", {}, "Kept"), big, part, meter,
        el("div", {class: "row", style: "margin-top:10px"}, button("Suggested", suggest, "g"), button("No limits", free, "f"))),
      start.given.length ? el("section", {}, el("h2", {}, "Rules given"), ...start.given.map((one) => el("div", {}, el("code", {}, one)))) : null,
      el("section", {}, el("h2", {}, "Exposure"), large, which, why, toggle, el("div", {style: "height:10px"}), table))));

function show() {
  sort();
  const sum = kept.reduce((all, one) => all + one, 0);
  big.textContent = grouped(sum);
  part.textContent = `of ${grouped(count)} exposures, ${((100 * sum) / count).toFixed(1)} %; ${grouped(count - sum)} dropped`;
  meter.value = sum;
  for (const card of cards) card.tell();
  list.render();
  describe();
}
let pending = 0;
function soon() { pending ||= requestAnimationFrame(() => { pending = 0; show(); }); }

function describe() {
  const found = reasons(number);
  which.textContent = names[number];
  why.className = found.length ? "bad" : "good";
  why.textContent = found.length ? `Dropped: ${found.join(", ")}` : "Kept";
  toggle.textContent = chosen.dropped.has(number) ? "Not dropped by hand" : "Drop this one";
  table.replaceChildren(...figures.map((one) => el("tr", {}, el("th", {scope: "row"}, one.words), el("td", {},
    Number.isNaN(one.numbers[number]) ? "–" : `${short(one.numbers[number])}${one.unit && `\u202f${one.unit}`}`))));
}

function go(wanted) {
  if (wanted < 0 || wanted >= count) return;
  number = wanted;
  large.src = picture("thumb", {number});
  list.choose(number);
  describe();
  for (const card of cards) card.plot.soon();
  say(`${baseName(names[number])}, ${reasons(number).length ? `dropped: ${reasons(number).join(", ")}` : "kept"}`);
}

// ---- changes

const plainly = ({limits, dropped}) => ({limits, dropped: [...dropped]});
function put(after) {
  chosen = before = after;
  saver.put("chosen", plainly(chosen));
  soon();
}
function keep() {
  const after = chosen;
  if (JSON.stringify(plainly(after)) === JSON.stringify(plainly(before))) return;
  past.did({before, after});
  put(after);
}
function suggest() { chosen = {...chosen, limits: start.suggested}; keep(); say("The suggested limits"); }
function free() { chosen = {...chosen, limits: {}}; keep(); say("No limits"); }
function drop() {
  const dropped = new Set(chosen.dropped);
  if (!dropped.delete(number)) dropped.add(number);
  chosen = {...chosen, dropped};
  keep();
  say(dropped.has(number) ? "Dropped by hand" : "Not dropped by hand");
}
/** The next exposure that is dropped. */
function nextDropped() {
  for (let step = 1; step <= count; step++) if (!kept[(number + step) % count]) return go((number + step) % count);
}

async function leave() {
  await saver.settled();
  await finish(null);
}

keys([
  ["n PageDown", "next exposure", () => go(number + 1)], ["p PageUp", "previous exposure", () => go(number - 1)],
  ["r", "next exposure that is dropped", nextDropped],
  ["x Delete", "drop the exposure by hand, or no longer", drop],
  ["Tab", "to the next limit: arrows move it (Shift: farther), Delete takes it away", null],
  ["g", "the suggested limits", suggest], ["f", "no limits", free],
  ...past.keys,
]);
show();
go(0);
document.body.dataset.shown = "exposures";
