// Choosing classes: a click keeps or drops one, shift does so from there to here; saved after every change.

import {act, bar, el, facts, finish, grouped, keys, picture, say, segments, slider, trouble} from "./frame.js";
import {Grid, tile} from "./grid.js";
import {Past} from "./past.js";
import {Saver} from "./saver.js";

const start = await facts();
const {sizes, figures} = start, count = sizes.length, total = sizes.reduce((sum, size) => sum + size, 0);
const [SIZE, RESOLUTION] = ["Particles", "Resolution"].map((name) => figures.find((one) => one.name === name));
let keeps = [...start.keeps], anchor = 0, turned = false, shown = "all", view = "slices", by = SIZE, against = null;

const saver = new Saver((_, list) => act("save", list, {keepalive: true}));
const past = new Past((record, side) => put(record[side]));
const chosen = () => keeps.flatMap((keep, i) => (keep ? [i + 1] : []));

// ---- what is seen

const written = (figure, i) => {
  const value = figure.values[i];
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value)) return grouped(value);
  return Math.abs(value) >= 100 ? grouped(value) : value.toFixed(Math.abs(value) < 1 ? 3 : 1);
};
const withUnit = (figure, i) => `${written(figure, i)}${figure.unit && figure.values[i] !== null ? `\u202f${figure.unit}` : ""}`;
const address = (number) => picture("class", {number, view});

function part(number) {
  const {across, down} = start, many = across * down;
  return tile(picture("sheet", {number: Math.floor(number / many), view}), number % many, across, down);
}

function cell(number) {
  const mark = el("span", {class: "mark", "aria-hidden": "true"});
  const second = by === SIZE || by === undefined ? RESOLUTION : by;
  const made = el("div", {}, part(number), el("div", {class: "words"}, el("span", {}, el("b", {}, number + 1), " ", mark), el("span", {}, grouped(sizes[number])),
      second ? el("span", {class: "soft"}, withUnit(second, number)) : null));
  dress(made, number);
  return made;
}

function dress(made, number) {
  made.setAttribute("aria-selected", String(Boolean(keeps[number])));
  made.setAttribute("aria-label", `Class ${number + 1}, ${sizes[number]} particles${RESOLUTION ? `, ${withUnit(RESOLUTION, number)}` : ""}, ${keeps[number] ? "kept" : "dropped"}`);
  made.querySelector(".mark").textContent = keeps[number] ? "✓" : "";
}

function ordered() {
  const all = [...sizes.keys()].filter((i) => shown === "all" || keeps[i] === (shown === "kept"));
  if (by) {
    const better = by.better === "high" ? -1 : 1, sign = turned ? -better : better;
    const rank = (i) => by.values[i] ?? sign * Infinity;
    all.sort((a, b) => sign * (rank(a) - rank(b)) || a - b);
  } else if (turned) all.reverse();
  return all;
}

const grid = new Grid("Classes. Arrows move, Space keeps or drops, Shift with arrows does so to a range.", {
  order: ordered(), width: start.maps ? 330 : count > 300 ? 110 : 140, aspect: start.maps ? 1 / 3 : 1, make: cell, onhere: tell,
  onclick(number, event) {
    const from = anchor, to = grid.order.indexOf(number), keep = !keeps[number];
    if (event.shiftKey) set(grid.between(from, to), keeps[grid.order[from]]);
    else set([number], keep);
    if (!event.shiftKey) anchor = to;
    grid.go(to);
  },
});

// ---- the sides

function option(figure) { return el("option", {value: figure.name}, figure.name); }
const kept = el("div", {class: "big", id: "kept"}), meter = el("meter", {min: 0, max: total, "aria-label": "Particles kept"});
const keptParticles = el("div", {class: "soft", id: "particles"});
const large = el("img", {class: "large", alt: "The current class"}), which = el("h2", {}), table = el("table", {class: "figures"});
const why = el("p", {class: "soft", id: "against"});
const sorts = el("select", {"aria-label": "Sort by", onchange: () => sort(figures.find((one) => one.name === sorts.value))},
  el("option", {value: ""}, "Number"), ...figures.map(option));
sorts.value = SIZE.name;
const order = el("button", {type: "button", "aria-pressed": "false", title: "The other end first", onclick: turn}, "Reverse");
const filter = segments("Show", [["all", "All"], ["kept", "Kept"], ["dropped", "Dropped"]], shown, (one) => { shown = one; arrange(); });
const size = slider("Picture", {min: start.maps ? 200 : 60, max: start.maps ? 800 : 400, step: 10, value: grid.width, text: (v) => `${v} px`, oninput: (v) => grid.resize(v)});
const views = start.maps && segments("Maps", [["slices", "Slices"], ["sums", "Projections"]], view, (one) => { view = one; grid.lay(); tell(); });
const button = (text, action, key) => el("button", {type: "button", onclick: action, "aria-keyshortcuts": key}, text);
const suggestion = el("button", {type: "button", onclick: suggest, "aria-keyshortcuts": "g", disabled: true}, "Suggested …");

document.getElementById("app").append(
  bar("Select classes", [el("span", {class: "name soft grow"}, start.source), saver.element, ...past.buttons], leave),
  el("main", {},
    grid.element,
    el("aside", {class: "right", "aria-label": "Choice"},
      el("section", {}, el("h2", {}, "Kept"), kept, keptParticles, meter),
      el("section", {}, el("h2", {}, "Choose"), el("div", {class: "row"}, button("All", all, "a"), button("None", none, "Shift+A"), button("Invert", invert, "i"),
        suggestion)),
      el("section", {}, el("h2", {}, "Order"), el("div", {class: "row"}, sorts, order), el("div", {style: "height:10px"}), filter.element,
        el("div", {style: "height:10px"}), views ? views.element : null, views ? el("div", {style: "height:10px"}) : null, size.element),
      el("section", {"aria-live": "off"}, which, large, why, table))));

function tell() {
  const number = grid.here, classes = keeps.filter(Boolean).length, particles = sizes.reduce((sum, one, i) => sum + (keeps[i] ? one : 0), 0);
  kept.textContent = `${grouped(classes)} of ${grouped(count)}`;
  keptParticles.textContent = `${grouped(particles)} of ${grouped(total)} particles, ${total ? ((100 * particles) / total).toFixed(1) : 0} %`;
  meter.value = particles;
  grid.element.classList.toggle("choosing", classes > 0);
  if (number === undefined) return;
  which.textContent = `Class ${number + 1}`;
  large.src = address(number);
  large.classList.toggle("wide", start.maps);
  why.textContent = !against ? "" : against[number]?.length ? against[number].join("; ") : "Nothing speaks against it.";
  table.replaceChildren(...figures.map((one) => el("tr", {}, el("th", {scope: "row"}, one.name), el("td", {}, withUnit(one, number)))));
}

/** What is measured on the averages comes when it is done. */
async function measured() {
  const found = await act("measured", null).catch(trouble);
  if (!found) return;
  against = found.against;
  figures.push(...found.figures);
  sorts.append(...found.figures.map(option));
  suggestion.textContent = `Suggested (${against.filter((reasons) => !reasons.length).length})`;
  suggestion.disabled = false;
  tell();
}

function arrange() {
  grid.arrange(ordered());
  anchor = grid.place;
  tell();
}
function sort(figure) {
  by = figure;
  sorts.value = figure?.name ?? "";
  arrange();
  say(`Sorted by ${figure?.name ?? "number"}`);
}
function turn() {
  turned = !turned;
  order.setAttribute("aria-pressed", turned);
  arrange();
}

// ---- changes

function put(after) {
  keeps = [...after];
  saver.put("keeps", chosen());
  for (const cell of grid.cells.values()) dress(cell, Number(cell.dataset.number));
  tell();
}
function change(after, words) {
  if (after.every((keep, i) => keep === keeps[i])) return;
  past.did({before: keeps, after});
  put(after);
  say(words);
}
function set(numbers, keep) {
  const after = [...keeps];
  for (const number of numbers) after[number] = keep;
  change(after, numbers.length > 1 ? `${numbers.length} classes ${keep ? "kept" : "dropped"}` : `Class ${numbers[0] + 1} ${keep ? "kept" : "dropped"}`);
}
function all() { set(grid.order, true); }
function none() { set(grid.order, false); }
function invert() { change(keeps.map((keep) => !keep), "Inverted"); }
function suggest() { if (against) change(against.map((reasons) => !reasons.length), "The suggested classes are kept"); }

async function leave() {
  await saver.settled();
  await finish(null);
}

// ---- the keyboard

function arrow(event) {
  const from = grid.place;
  grid.go(from + grid.stride(event.key));
  if (event.shiftKey) set(grid.between(from, grid.place), keeps[grid.order[anchor]]);
  else anchor = grid.place;
  const number = grid.here;
  if (!event.shiftKey) say(`Class ${number + 1}, ${sizes[number]} particles, ${keeps[number] ? "kept" : "dropped"}`);
}
function press() {
  anchor = grid.place;
  if (grid.here !== undefined) set([grid.here], !keeps[grid.here]);
}
const arrows = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"];
keys([
  [arrows.slice(0, 4).join(" "), "the next class", arrow], [arrows.slice(4).join(" "), "far away", arrow],
  ["Space Enter", "keep or drop the class", press],
  ["Shift+Arrow", "what was done to the last one, as far as here", null], [arrows.map((one) => `Shift+${one}`).join(" "), "", arrow],
  ["a A", "keep all that are shown, or none", null], ["a", "", all], ["A", "", none],
  ["i", "keep the others", invert], ["g", "keep what is suggested", suggest],
  ...past.keys,
  ["s", "sort by the next figure", () => { const list = [undefined, ...figures]; sort(list[(list.indexOf(by) + 1) % list.length]); }],
  ["r", "the other end first", turn],
  ["f", "show all, the kept or the dropped", () => { const list = ["all", "kept", "dropped"]; filter.choose(list[(list.indexOf(shown) + 1) % 3]); }],
  ...(views ? [["v", "slices or projections", () => views.choose(view === "slices" ? "sums" : "slices")]] : []),
  ["+ =", "larger pictures", () => size.set(Number(size.input.value) + 20)], ["-", "smaller pictures", () => size.set(Number(size.input.value) - 20)],
]);
grid.element.focus();
tell();
document.body.dataset.shown = "classes";
await measured();
document.body.dataset.measured = "all";
