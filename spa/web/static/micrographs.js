// Micrographs and the picks of each table on them.

import {act, baseName, el, grouped, say, slider, trouble} from "./frame.js";
import {Films} from "./films.js";
import {List} from "./list.js";
import {Viewer, circles, panning} from "./viewer.js";

const COLOURS = ["#39d3c3", "#ffb454", "#c58cff", "#ff6f91", "#9be564", "#5fb0ff"];

export function micrographs(facts) {
  const {names, picks, ctf} = facts;
  let number = -1, found = [], pixel = 1, near = null;
  const shown = picks.map(() => true), least = picks.map(() => -Infinity);
  let diameter = 150;

  const within = (i) => {
    const {points, scores} = found[i];
    return points.filter((_, k) => scores[k] === null || scores[k] >= least[i]);
  };
  const viewer = new Viewer("Micrograph. Plus and minus zoom, w a s d shift.", (ink) => {
    found.forEach((_, i) => { if (shown[i]) circles(ink, viewer, within(i), diameter / 2 / pixel, COLOURS[i % COLOURS.length]); });
  });
  panning(viewer, ([x, y]) => {
    near = null;
    let best = (diameter / 2 / pixel) ** 2;
    found.forEach(({points, scores}, i) => points.forEach(([px, py], k) => {
      const far = (px - x) ** 2 + (py - y) ** 2;
      if (shown[i] && far < best) [best, near] = [far, {x: px, y: py, score: scores[k]}];
    }));
    tell();
  });
  const films = new Films(viewer, names.length, {view: ctf ? "denoised" : "lowpass", lowpass: 20}, (_, {pixel: size, defocus}) => {
    pixel = size;
    films.defocus = defocus;
    tell();
    viewer.draw();
  });
  const counted = (i) => picks.map(({counts}) => grouped(counts[i])).join(" · ");
  const list = new List("Micrographs", names.length, (i) => [el("span", {class: "name"}, el("bdi", {}, baseName(names[i]))), el("span", {class: "count"}, counted(i))], (i) => go(i));

  function tell() {
    const words = [baseName(names[number] ?? ""), films.defocus ? `defocus ${(films.defocus / 10000).toFixed(2)} µm` : "",
      near ? `pick at ${near.x.toFixed(0)}, ${near.y.toFixed(0)}${near.score === null ? "" : `, score ${near.score.toPrecision(4)}`}` : ""];
    viewer.foot.textContent = words.filter(Boolean).join("   ");
  }

  async function go(to) {
    if (to < 0 || to >= names.length) return;
    number = to;
    list.choose(to);
    found = [];
    films.show(to);
    try {
      const next = await act("picks", to);
      if (number !== to) return;
      found = next;
    } catch (error) {
      return trouble(error);
    }
    count();
    viewer.draw();
    document.body.dataset.picks = `${to} ${found.map((_, i) => within(i).length).join(" ")}`;
    say(baseName(names[to]));
  }

  // ---- the sides

  const counts = picks.map(() => el("span", {class: "count"}));
  function count() {
    found.forEach((one, i) => { counts[i].textContent = `${grouped(within(i).length)} here, ${grouped(picks[i].counts.reduce((a, b) => a + b, 0))} in all`; });
  }
  const ticks = picks.map(({name}, i) => el("label", {class: "tick"}, el("input", {type: "checkbox", checked: true, onchange: (event) => {
    shown[i] = event.target.checked;
    viewer.draw();
  }}), el("span", {class: "swatch", style: `background:${COLOURS[i % COLOURS.length]}`}), el("span", {class: "grow name"}, name)));
  const size = slider("Circles", {min: 20, max: 600, step: 5, value: diameter, text: (v) => `${v} Å`, oninput: (v) => { diameter = v; viewer.draw(); }});
  const sections = picks.length ? [el("section", {}, el("h2", {}, "Picks"), ...ticks.flatMap((one, i) => [one, el("p", {class: "soft told"}, counts[i])]), size.element)] : [];
  const aside = el("aside", {class: "right", "aria-label": "View"}, films.controls(ctf), ...sections);
  const left = el("aside", {"aria-label": "Micrographs"}, el("div", {class: "aside-head"}, el("span", {}, "Micrographs"), el("span", {class: "count"}, grouped(names.length))), list.element);
  const toggle = () => ticks.forEach((one) => one.firstChild.click());
  go(0);
  return {
    element: el("div", {class: "pane"}, left, viewer.element, aside), focus: viewer.overlay,
    keys: [...films.keys(go), ...(picks.length ? [["h", "picks shown or not", toggle]] : [])],
  };
}
