// How views are spread over the sphere: an equal-area map (Mollweide), rot across, tilt down.

import {act, el, grouped, trouble} from "./frame.js";

const VIRIDIS = ["440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725"].map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));

/** red, green, blue of a part from 0 to 1. */
export function painted(part) {
  const at = Math.max(0, Math.min(1, part)) * (VIRIDIS.length - 1), i = Math.min(VIRIDIS.length - 2, Math.floor(at)), rest = at - i;
  return VIRIDIS[i].map((one, k) => Math.round(one + (VIRIDIS[i + 1][k] - one) * rest));
}

/** rot and tilt in degrees of a place from -1 to 1 right and up, or null beyond the rim. */
function directed(x, y) {
  if (x * x + y * y > 1) return null;
  const theta = Math.asin(y), latitude = Math.asin((2 * theta + Math.sin(2 * theta)) / Math.PI);
  return [(180 * x) / Math.max(Math.cos(theta), 1e-9), 90 - (180 / Math.PI) * latitude];
}

export function views(facts) {
  let of = 0, cells = null;
  const canvas = el("canvas", {class: "sphere", role: "img", width: 1200, height: 600});
  const legend = el("div", {class: "ramp", style: `background:linear-gradient(90deg,${VIRIDIS.map((one) => `rgb(${one})`)})`}), most = el("span", {class: "number"});
  const said = el("p", {class: "soft number"}, "\u00a0"), total = el("p", {});
  const choice = el("select", {"aria-label": "Table", onchange: () => use(Number(choice.value))}, ...facts.map(({name}, i) => el("option", {value: i}, name)));
  const group = el("input", {type: "text", size: 5, "aria-label": "Point group", onchange: () => fetched()});

  /** Relative to uniform views, between the middles of cells. */
  function density(rot, tilt) {
    const rows = cells.length, columns = cells[0].length;
    const row = Math.max(0, Math.min(rows - 1, ((1 - Math.cos((tilt * Math.PI) / 180)) / 2) * rows - 0.5)), column = ((rot + 180) / 360) * columns - 0.5 + columns;
    const [r, c] = [Math.floor(row), Math.floor(column)], [dr, dc] = [row - r, column - c], at = (j, i) => cells[Math.min(rows - 1, j)][i % columns];
    return (1 - dr) * ((1 - dc) * at(r, c) + dc * at(r, c + 1)) + dr * ((1 - dc) * at(r + 1, c) + dc * at(r + 1, c + 1));
  }

  function draw() {
    const {width, height} = canvas, ink = canvas.getContext("2d"), image = ink.createImageData(width, height), top = Math.max(...cells.flat(), 1e-9);
    for (let j = 0, o = 0; j < height; j++) for (let i = 0; i < width; i++, o += 4) {
      const way = directed((2 * i + 1) / width - 1, 1 - (2 * j + 1) / height);
      if (!way) continue;
      image.data.set(painted(density(...way) / top), o);
      image.data[o + 3] = 255;
    }
    ink.putImageData(image, 0, 0);
    most.textContent = top.toFixed(top < 10 ? 1 : 0);
    const empty = cells.flat().filter((one) => one === 0).length / cells.flat().length;
    total.textContent = `${grouped(facts[of].count)} particles; ${(100 * empty).toFixed(1)} % of the sphere has no view, the densest place has ${top.toFixed(1)} times as many as uniform views.`;
    canvas.setAttribute("aria-label", `Views on the sphere: ${total.textContent}`);
    document.body.dataset.views = `${of} ${group.value}`;
  }

  async function fetched() {
    try {
      cells = await act("views", {of, symmetry: group.value});
      draw();
    } catch (error) {
      trouble(error);
    }
  }
  function use(table) {
    of = table;
    choice.value = table;
    group.value = facts[table].symmetry;
    fetched();
  }
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect(), way = cells && directed((2 * (event.clientX - box.left)) / box.width - 1, 1 - (2 * (event.clientY - box.top)) / box.height);
    said.textContent = way ? `rot ${way[0].toFixed(0)}°, tilt ${way[1].toFixed(0)}°: ${density(...way).toFixed(2)}` : "\u00a0";
  });
  use(0);
  const field = el("div", {class: "field"}, el("div", {class: "card"}, el("div", {class: "head"}, el("b", {}, "Views, rot across, tilt down"), said), canvas,
    el("div", {class: "row ramped"}, el("span", {}, "0"), legend, most, el("span", {class: "soft"}, "relative to uniform views"))));
  const aside = el("aside", {class: "right", "aria-label": "Views"}, el("section", {}, el("h2", {}, "Table"), el("div", {class: "row"}, choice)),
    el("section", {}, el("h2", {}, "Point group"), el("div", {class: "row"}, group), el("p", {class: "soft"}, "Every view is drawn with its copies; C1 draws views as the table has them.")), total);
  return {element: el("div", {class: "pane"}, field, aside), focus: choice, keys: [["n", "the next table", () => use((of + 1) % facts.length)]]};
}
