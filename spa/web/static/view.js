// Looking: a tab for each kind of thing that there is to look at.

import {act, bar, el, facts, keys, say} from "./frame.js";
import {curves} from "./curves.js";
import {images} from "./images.js";
import {latents} from "./latents.js";
import {maps} from "./maps.js";
import {micrographs} from "./micrographs.js";
import {views} from "./views.js";

const KINDS = [["maps", "Maps", maps], ["micrographs", "Micrographs", micrographs], ["stacks", "Images", images], ["curves", "FSC", curves], ["views", "Views", views], ["latents", "Latents", latents]];
const start = await facts(), there = KINDS.filter(([name]) => start[name]);
const made = new Map();
let shown = null, unlisten = () => {};

const tabs = there.map(([name, title], i) => el("button", {type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`,
  "aria-keyshortcuts": `${i + 1}`, onclick: () => show(name), onkeydown: (event) => along(event, i)}, title));
const place = el("main", {});

/** Left and right go along the tabs. */
function along(event, from) {
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  const to = (from + step + there.length) % there.length;
  show(there[to][0]);
  tabs[to].focus();
}

function show(name) {
  if (name === shown) return;
  const [, title, panel] = there.find((one) => one[0] === name);
  shown = name;
  there.forEach(([one], i) => {
    tabs[i].setAttribute("aria-selected", String(one === name));
    tabs[i].tabIndex = one === name ? 0 : -1;
  });
  if (!made.has(name)) {
    const one = panel(start[name], go, start);
    Object.assign(one.element, {id: `panel-${name}`, role: "tabpanel"});
    one.element.setAttribute("aria-labelledby", `tab-${name}`);
    place.append(one.element);
    made.set(name, one);
  }
  for (const [one, {element}] of made) element.hidden = one !== name;
  unlisten();
  unlisten = keys([...made.get(name).keys, ...there.map((one, i) => [`${i + 1}`, "", () => show(one[0])]), [`1 … ${there.length}`, "a tab", null]]);
  made.get(name).focus?.focus({preventScroll: true});
  document.body.dataset.panel = name;
  say(title);
}

/** From one panel to another: what it shows there. */
function go(name, ...what) {
  show(name);
  made.get(name).go?.(...what);
}

document.getElementById("app").append(
  bar("View", [el("div", {class: "tabs grow", role: "tablist", "aria-label": "What to look at"}, ...tabs)]), place);
show(there[0][0]);

// The job ends when nobody looks any more; a page that is loaded again comes back soon.
act("came", null);
addEventListener("pagehide", () => navigator.sendBeacon("do/left", new Blob(["null"], {type: "application/json"})));
addEventListener("pageshow", (event) => { if (event.persisted) act("came", null); });
