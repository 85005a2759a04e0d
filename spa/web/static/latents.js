// Particles by their latents, two at a time, and where volumes lie among them: a click on one shows it.

import {baseName, el, grouped, picture, say, trouble} from "./frame.js";
import {Dots} from "./dots.js";
import {ends, Plot, short} from "./plot.js";

const COLOURS = ["#5b8fa8", "#0b6b75", "#b06a00", "#7a4fb0", "#1d7a3e", "#b3261e", "#8f8a1d", "#1f6fb4"];
const NEAR = 14; // css pixels within which a click means a volume

export function latents(facts, go, all) {
  let of = 0, columns = [], shown = [0, 1], chosen = -1, dots = null;
  const names = (all.maps ?? []).map(({name}) => name);
  const title = (axis) => (/^\d+$/.test(axis) ? `latent ${axis}` : axis.toLowerCase());
  const plot = new Plot("Particles in latent space", {x: {low: -1, high: 1}, y: {low: -1, high: 1}, height: 560, paint(ink) {
    if (!dots) return;
    dots.paint(ink, columns.at(-1).map((one) => (one > 0 ? 1 + ((one - 1) % (COLOURS.length - 1)) : 0)), COLOURS);
    volumes().forEach((one, i) => ring(ink, one, i === chosen));
  }});
  const choice = el("select", {"aria-label": "Table", onchange: () => use(Number(choice.value))}, ...facts.map(({name}, i) => el("option", {value: i}, name)));
  const across = axis("Across", 0), up = axis("Up", 1);
  const heading = el("b", {}, ""), told = el("p", {class: "number", role: "status"}, ""), total = el("p", {class: "soft"}, "");

  function axis(name, which) {
    const select = el("select", {"aria-label": name, onchange: () => { shown[which] = Number(select.value); placed(); }});
    return select;
  }

  /** The table's volumes that lie in the plane that is shown. */
  function volumes() {
    return facts[of].volumes.filter(({at}) => shown.every((k) => at[k] !== null));
  }
  const where = ({at}) => [plot.px(at[shown[0]]), plot.py(at[shown[1]])];

  function ring(ink, one, here) {
    const [x, y] = where(one);
    ink.beginPath();
    ink.arc(x, y, here ? 8 : 5.5, 0, 2 * Math.PI);
    Object.assign(ink, {lineWidth: here ? 4 : 2.5, strokeStyle: "#ffffff", fillStyle: here ? "#20242c" : "rgb(255 255 255 / .8)"});
    ink.stroke();
    ink.fill();
    Object.assign(ink, {lineWidth: 2, strokeStyle: "#20242c"});
    ink.stroke();
  }

  function placed() {
    [plot.x, plot.y] = shown.map((k) => ends([...columns[k], ...facts[of].volumes.map(({at}) => at[k] ?? NaN)]));
    const flat = shown[0] === shown[1];
    dots = new Dots(plot, columns[shown[0]], columns[shown[1]], facts[of].count > 20000 ? 1.5 : 2.5);
    heading.textContent = `${title(facts[of].axes[shown[1]])} against ${title(facts[of].axes[shown[0]])}`;
    told.textContent = flat ? "One latent: every particle lies on a line." : "";
    choose(-1);
  }

  function choose(number) {
    const list = volumes();
    chosen = list.length ? Math.max(-1, Math.min(list.length - 1, number)) : -1;
    if (chosen >= 0) told.textContent = `${baseName(list[chosen].map)}: ${shown.map((k) => `${title(facts[of].axes[k])} ${short(list[chosen].at[k])}`).join(", ")}`;
    document.body.dataset.latents = `${shown.join(" ")} ${chosen}`;
    plot.soon();
  }

  function open() {
    const one = volumes()[chosen], number = one ? names.indexOf(one.map) : -1;
    if (number < 0) return say(one ? `${one.map} is not among the maps` : "No volume is chosen");
    go("maps", number);
  }

  async function use(table) {
    of = table;
    choice.value = table;
    const {axes, count, clusters, volumes: there} = facts[table];
    for (const [i, select] of [across, up].entries()) {
      select.replaceChildren(...axes.map((name, k) => el("option", {value: k}, title(name))));
      select.value = shown[i] = Math.min(i, axes.length - 1);
    }
    total.textContent = `${grouped(count)} particles${clusters ? ", coloured by cluster" : ""}; ${there.length ? `${there.length} volumes, as rings` : "no volumes in this table"}.`;
    try {
      const reply = await fetch(picture("latents", {number: table}));
      if (!reply.ok) throw new Error(await reply.text());
      const {axes: width, count: sent} = JSON.parse(reply.headers.get("x-facts")), values = new Float32Array(await reply.arrayBuffer());
      columns = Array.from({length: width + 1}, (_, k) => values.subarray(k * sent, (k + 1) * sent));
      placed();
    } catch (error) {
      trouble(error);
    }
  }

  plot.canvas.addEventListener("click", (event) => {
    const list = volumes(), away = list.map((one) => Math.hypot(where(one)[0] - event.offsetX, where(one)[1] - event.offsetY));
    const nearest = away.indexOf(Math.min(...away));
    if (nearest < 0 || away[nearest] > NEAR) return;
    choose(nearest);
    open();
  });
  use(0);
  const field = el("div", {class: "field", tabindex: 0, role: "group", "aria-label": "Particles in latent space. N and P choose a volume, Enter shows it."},
    el("div", {class: "card"}, el("div", {class: "head"}, heading, told), plot.element));
  const aside = el("aside", {class: "right", "aria-label": "Latents"}, el("section", {}, el("h2", {}, "Table"), el("div", {class: "row"}, choice)),
    el("section", {}, el("h2", {}, "Across"), el("div", {class: "row"}, across)), el("section", {}, el("h2", {}, "Up"), el("div", {class: "row"}, up)),
    el("section", {}, el("button", {type: "button", onclick: open, "aria-keyshortcuts": "Enter"}, "Show the volume")), total);
  return {element: el("div", {class: "pane"}, field, aside), focus: field, keys: [
    ["n p", "next and previous volume", null], ["n", "", () => choose(chosen + 1)], ["p", "", () => choose(chosen - 1)], ["Enter", "show the volume", open],
  ]};
}
