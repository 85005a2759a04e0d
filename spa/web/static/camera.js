// Where one looks from: turned by drags and keys, zoomed, shifted. Several pictures share one.

const I = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const times = (a, b) => I.map((_, i) => [0, 1, 2].reduce((sum, k) => sum + a[3 * Math.floor(i / 3) + k] * b[3 * k + (i % 3)], 0));

/** About an axis of the viewer (right, up, towards him), by radians. */
function about(axis, angle) {
  const c = Math.cos(angle), s = Math.sin(angle);
  return {x: [1, 0, 0, 0, c, -s, 0, s, c], y: [c, 0, s, 0, 1, 0, -s, 0, c], z: [c, -s, 0, s, c, 0, 0, 0, 1]}[axis];
}

export class Camera {
  /** reach: half the picture's smaller side, angstroms; onchange(moving). */
  constructor(reach, onchange) {
    Object.assign(this, {home: reach, onchange});
    this.reset();
  }

  reset() {
    Object.assign(this, {turned: [...I], reach: this.home, shift: [0, 0], near: 1e6});
    this.onchange(false);
  }

  turn(axis, angle) {
    this.turned = times(about(axis, angle), this.turned);
    this.onchange(true);
  }

  /** Along an axis of the map, from its far end. */
  along(axis) {
    this.turned = {z: [...I], x: [0, 1, 0, 0, 0, 1, 1, 0, 0], y: [0, 0, 1, 1, 0, 0, 0, 1, 0]}[axis];
    this.onchange(false);
  }

  zoom(factor) {
    this.reach = Math.max(this.home / 40, Math.min(this.home * 4, this.reach / factor));
    this.onchange(true);
  }

  pan(dx, dy) {
    this.shift = [this.shift[0] + dx, this.shift[1] + dy];
    this.onchange(true);
  }

  /** Listen to a picture: a drag turns, at its rim about the line of sight; with Shift or another button it shifts. */
  follow(element) {
    let from = null, way = "turn";
    const at = (event) => {
      const box = element.getBoundingClientRect();
      return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2, Math.min(box.width, box.height) / 2];
    };
    element.addEventListener("pointerdown", (event) => {
      from = at(event);
      way = event.shiftKey || event.button ? "pan" : Math.hypot(from[0], from[1]) > 0.92 * from[2] ? "roll" : "turn";
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => {
      if (!from) return;
      const to = at(event), [dx, dy] = [to[0] - from[0], to[1] - from[1]];
      if (way === "pan") this.pan((dx * this.reach) / to[2], (-dy * this.reach) / to[2]);
      else if (way === "roll") this.turn("z", Math.atan2(from[1], from[0]) - Math.atan2(to[1], to[0]));
      else {
        this.turned = times(about("y", (1.6 * dx) / to[2]), this.turned);
        this.turn("x", (1.6 * dy) / to[2]);
      }
      from = to;
    });
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => { from = null; this.onchange(false); });
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)));
    }, {passive: false});
  }
}
