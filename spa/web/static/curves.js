// Curves of the Fourier shell correlation: which are shown, where they fall below 0.143, and their values at the cursor.

import {el} from "./frame.js";
import {Plot} from "./plot.js";

const COLOURS = {corrected: "#20242c", masked: "#1f6fb4", unmasked: "#8a8f98", spherical: "#1d7a3e", loose: "#8f8a1d", tight: "#7a4fb0",
  "phases randomised": "#b3261e", "half maps": "#0b6b75"};
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];
const LEVELS = [0.5, 0.143];
const KNOWN = [100, 50, 30, 20, 15, 12, 10, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.5, 2, 1.5, 1.2, 1];

/** Round resolutions along an axis of 1 / angstroms, none too near to another. */
function resolutions(highest) {
  const chosen = [];
  for (const one of KNOWN) if (1 / one <= highest * 1.001 && (!chosen.length || 1 / one - chosen.at(-1)[0] > highest / 16)) chosen.push([1 / one, String(one)]);
  return chosen;
}

export function curves(facts) {
  const all = facts.flatMap((table, t) => table.curves.map((curve) => ({...curve, table, dash: DASHES[t % DASHES.length], colour: COLOURS[curve.name] ?? "#555",
    shown: facts.length === 1 || curve.name === "corrected" || curve.name === "half maps"})));
  const highest = Math.max(...facts.map(({frequency}) => frequency.at(-1)));
  let cursor = null;

  const plot = new Plot("Fourier shell correlation", {x: {low: 0, high: highest, marks: resolutions(highest)}, y: {low: -0.1, high: 1.03}, height: 540, paint(ink) {
    for (const {band, frequency} of facts) if (band) fill(ink, frequency, band);
    for (const level of LEVELS) line(ink, [0, highest], [level, level], "#8a8f98", [3, 4], 1);
    for (const one of all) if (one.shown) line(ink, one.table.frequency, one.values, one.colour, one.dash, one.name === "corrected" ? 2.4 : 1.6);
    if (cursor !== null) line(ink, [cursor, cursor], [-0.1, 1.03], "#0b6b75", [], 1);
  }});

  function line(ink, xs, ys, colour, dash, width) {
    Object.assign(ink, {strokeStyle: colour, lineWidth: width, lineJoin: "round"});
    ink.setLineDash(dash);
    ink.beginPath();
    ys.forEach((y, i) => { if (y !== null) ink.lineTo(plot.px(xs[i]), plot.py(y)); });
    ink.stroke();
    ink.setLineDash([]);
  }
  function fill(ink, xs, [low, high]) {
    ink.fillStyle = "rgb(32 36 44 / .13)";
    ink.beginPath();
    low.forEach((y, i) => { if (y !== null) ink.lineTo(plot.px(xs[i]), plot.py(Math.max(-0.1, y))); });
    for (let i = high.length - 1; i >= 0; i--) if (high[i] !== null) ink.lineTo(plot.px(xs[i]), plot.py(high[i]));
    ink.fill();
  }

  // ---- the side

  const rows = all.map((one) => {
    const value = el("td", {}, "");
    const sample = el("span", {class: "swatch", style: `background:${one.colour}`});
    const box = el("input", {type: "checkbox", checked: one.shown, onchange: (event) => { one.shown = event.target.checked; plot.soon(); }});
    const name = el("label", {class: "tick"}, box, el("span", {}, sample, one.name));
    return {one, value, box, element: el("tr", {}, el("th", {scope: "row"}, name), el("td", {}, one.resolution ? `${one.resolution.toFixed(2)} Å` : "–"), value)};
  });
  const where = el("th", {scope: "col"}, "");
  const tables = facts.map((table) => el("section", {}, el("h2", {class: "plain"}, table.name), el("table", {class: "figures"},
    el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "Curve"), el("th", {scope: "col"}, "at 0.143"), table === facts[0] ? where : el("td", {}))),
    el("tbody", {}, ...rows.filter(({one}) => one.table === table).map((row) => row.element)))));
  const aside = el("aside", {class: "right wide", "aria-label": "Curves"}, ...tables);

  function at(frequency) {
    cursor = Math.max(0, Math.min(highest, frequency));
    const step = (table) => table.frequency.reduce((best, f, i) => (Math.abs(f - cursor) < Math.abs(table.frequency[best] - cursor) ? i : best), 0);
    where.textContent = cursor > 0 ? `${(1 / cursor).toFixed(2)} Å` : "∞";
    for (const {one, value} of rows) value.textContent = one.values[step(one.table)]?.toFixed(3) ?? "–";
    plot.soon();
  }
  plot.canvas.addEventListener("pointermove", (event) => {
    const {left, right} = plot.field;
    at(plot.whole(plot.x, (event.offsetX - left) / (right - left)));
  });
  const move = (by) => () => at((cursor ?? highest / 2) + by * facts[0].frequency[1]);
  const field = el("div", {class: "field", tabindex: 0, role: "group", "aria-label": "Fourier shell correlation against resolution in angstroms. Left and right move the cursor."},
    el("div", {class: "card"}, el("div", {class: "head"}, el("b", {}, "Fourier shell correlation"), el("span", {class: "soft"}, "resolution (Å)")), plot.element));
  return {element: el("div", {class: "pane"}, field, aside), focus: field, keys: [
    ["ArrowLeft ArrowRight", "move the cursor", null], ["ArrowLeft", "", move(-1)], ["ArrowRight", "", move(1)],
    ["a", "all curves shown or not", () => { const some = all.some((one) => !one.shown); rows.forEach(({box}) => { if (box.checked !== some) box.click(); }); }],
  ]};
}
