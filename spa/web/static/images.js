// Images of particles and averages of classes: a montage in any order, and what the table says of each.

import {act, el, grouped, picture, say, slider, trouble} from "./frame.js";
import {Grid, tile} from "./grid.js";

const short = (value) => (value === null || value === undefined ? "–" : Number.isInteger(value) ? grouped(value) : String(Number(value.toPrecision(4))));

export function images(facts) {
  const {sets, across, down} = facts;
  let of = 0, by = "", turned = false, only = 0, lowpass = 0, latest = 0;
  let order = {rows: [], values: null, words: {of, by, turned, only}};  // what is shown, until the next has come

  function cell(at) {
    const sheet = picture("sheet", {...order.words, lowpass, number: Math.floor(at / (across * down))}), row = order.rows[at];
    const value = order.values ? short(order.values[at]) : "";
    return el("div", {"aria-label": `${kind()} ${row + 1}${value ? `, ${order.words.by} ${value}` : ""}`, "aria-selected": "false"}, tile(sheet, at % (across * down), across, down),
      el("div", {class: "words"}, el("b", {}, grouped(row + 1)), el("span", {class: "soft"}, value)));
  }
  const kind = () => ({classes: "Class", particles: "Particle"}[sets[order.words.of].kind] ?? "Image");
  const grid = new Grid("Images. Arrows move.", {order: [], width: 110, aspect: 1, make: cell, onhere: tell, onclick: (at) => grid.go(grid.order.indexOf(at))});

  // ---- the side

  const choice = el("select", {"aria-label": "Set", onchange: () => use(Number(choice.value))}, ...sets.map(({name, kind, count}, i) =>
    el("option", {value: i}, `${kind}: ${name} (${grouped(count)})`)));
  const sorts = el("select", {"aria-label": "Order by", onchange: () => { by = sorts.value; arrange(); }});
  const reverse = el("button", {type: "button", "aria-pressed": "false", onclick: turn, title: "The other end first", "aria-keyshortcuts": "r"}, "Reverse");
  const detail = slider("Low-pass", {min: 0, max: 40, value: 0, text: (v) => (v ? `${v} Å` : "no"), oninput: (v) => {
    lowpass = v;
    clearTimeout(detail.later);
    detail.later = setTimeout(() => { grid.lay(); tell(grid.here); }, 150);
  }});
  const size = slider("Picture", {min: 60, max: 400, step: 10, value: 110, text: (v) => `${v} px`, oninput: (v) => grid.resize(v)});
  const filter = el("p", {class: "row", hidden: true}), which = el("h2", {}), large = el("img", {class: "large whole", alt: "The current image"});
  const table = el("table", {class: "figures"}), members = el("button", {type: "button", hidden: true, onclick: inside, "aria-keyshortcuts": "Enter"}, "Its particles");
  const aside = el("aside", {class: "right", "aria-label": "Images"},
    el("section", {}, el("h2", {}, "Set"), el("div", {class: "row"}, choice), filter),
    el("section", {}, el("h2", {}, "Order"), el("div", {class: "row"}, sorts, reverse), el("div", {style: "height:10px"}), detail.element, size.element),
    el("section", {}, which, large, el("div", {style: "height:8px"}), members, table));

  async function use(set, first) {
    [of, only, turned] = [set, first?.only ?? 0, false];
    choice.value = set;
    by = sets[of].by;
    reverse.setAttribute("aria-pressed", "false");
    sorts.replaceChildren(el("option", {value: ""}, "Row"), ...sets[of].columns.map((name) => el("option", {value: name}, name.replace(/^rln|^spa/, ""))));
    sorts.value = by;
    detail.element.hidden = !sets[of].pixel;
    filter.hidden = !only;
    filter.replaceChildren(el("span", {class: "grow"}, `Class ${only}`), el("button", {type: "button", onclick: () => { only = 0; filter.hidden = true; arrange(); }}, "All"));
    await arrange();
  }

  async function arrange() {
    const words = {of, by, turned, only}, number = ++latest;
    let found;
    try {
      found = await act("order", words);
    } catch (error) {
      return trouble(error);
    }
    if (number !== latest) return;  // another was asked for meanwhile
    order = {...found, words};
    grid.place = 0;
    grid.order = [...order.rows.keys()];
    grid.element.scrollTop = 0;
    grid.lay();
    grid.go(0);
    document.body.dataset.order = `${of} ${by || "row"} ${turned} ${order.rows.slice(0, 5).join(",")}`;
  }

  function turn() {
    turned = !turned;
    reverse.setAttribute("aria-pressed", turned);
    arrange();
  }

  /** The class that one stands for, and the set of particles that has classes. */
  const classOf = (said, row) => Number(said.rlnClassNumber ?? row + 1);
  const particles = () => sets.findIndex((one) => one.kind === "particles" && one.columns.includes("rlnClassNumber"));

  async function tell(at) {
    const row = order.rows[at];
    if (row === undefined) return;
    which.textContent = `${kind()} ${grouped(row + 1)}`;
    large.src = picture("image", {of: order.words.of, number: row, lowpass});
    const said = await act("row", {of: order.words.of, row}).catch(trouble);
    if (!said || order.rows[grid.here] !== row) return;
    table.replaceChildren(...Object.entries(said).map(([name, value]) => el("tr", {}, el("th", {scope: "row"}, name.replace(/^rln|^spa/, "")), el("td", {title: value}, value))));
    members.hidden = sets[order.words.of].kind !== "classes" || particles() < 0;
    members.dataset.number = classOf(said, row);
  }

  function inside() {
    if (!members.hidden) use(particles(), {only: Number(members.dataset.number)});
  }

  const arrow = (event) => {
    grid.go(grid.place + grid.stride(event.key));
    say(grid.cell(grid.here)?.getAttribute("aria-label") ?? "");
  };
  use(0);
  return {
    element: el("div", {class: "pane"}, grid.element, aside), focus: grid.element,
    keys: [
      ["ArrowLeft ArrowRight ArrowUp ArrowDown", "the next image", arrow], ["PageUp PageDown Home End", "far away", arrow],
      ["s", "order by the next column", () => {
        const list = ["", ...sets[of].columns];
        by = sorts.value = list[(list.indexOf(by) + 1) % list.length];
        arrange();
      }],
      ["r", "the other end first", turn], ["n", "the next set", () => use((of + 1) % sets.length)], ["Enter", "the particles of a class", inside],
      ["+ =", "larger pictures", () => size.set(Number(size.input.value) + 20)], ["-", "smaller pictures", () => size.set(Number(size.input.value) - 20)],
      ["l L", "less or more detail", null], ["l", "", () => detail.set(Number(detail.input.value) + 2)], ["L", "", () => detail.set(Math.max(0, Number(detail.input.value) - 2))],
    ],
  };
}
