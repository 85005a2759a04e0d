// A picture of a map's surface, drawn by WebGL; coarse while it moves, fine when it rests.

import {el} from "./frame.js";
import {FRAGMENT, VERTEX} from "./shaders.js";
import {blocks} from "./volume.js";

const MOVING = 40, RESTING = 900; // milliseconds that a picture may take
const PAPER = [1, 1, 1];

export class Surface {
  /** camera: shared with others; colour: [red, green, blue] from 0 to 1. */
  constructor(name, camera, colour) {
    Object.assign(this, {camera, colour, level: 0, cost: 2e-4, textures: {}});
    this.canvas = el("canvas", {class: "gl", role: "img", "aria-label": name});
    this.gl = this.canvas.getContext("webgl2", {antialias: false, alpha: false, preserveDrawingBuffer: true, powerPreference: "high-performance"});
    if (this.gl) this.program = this.linked();
    new ResizeObserver(() => this.soon(false)).observe(this.canvas);
  }

  /** Voxels of a side that it can hold; 0 where there is no WebGL 2. */
  get most() { return this.gl ? this.gl.getParameter(this.gl.MAX_3D_TEXTURE_SIZE) : 0; }

  linked() {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`WebGL: ${gl.getProgramInfoLog(program)}`);
    gl.useProgram(program);
    this.at = (name) => gl.getUniformLocation(program, name);
    gl.bindVertexArray(gl.createVertexArray());
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 2);
    return program;
  }

  /** Another map, as `volume` gives it. */
  show(volume) {
    const gl = this.gl, {facts, shape: [nz, ny, nx]} = volume;
    if (!gl) return;
    this.facts = facts;
    this.load("density", 0, volume, gl.LINEAR);
    this.load("blocks", 1, blocks(volume), gl.NEAREST);
    const {voxel} = facts, low = [nx, ny, nz].map((n) => -(Math.floor(n / 2) + 0.5) * voxel);
    gl.uniform3fv(this.at("low"), low);
    gl.uniform3fv(this.at("high"), low.map((one, i) => one + [nx, ny, nz][i] * voxel));
    gl.uniform1f(this.at("voxel"), voxel);
    gl.uniform1f(this.at("most"), facts.ends[1] / facts.scale);
    this.soon(false);
  }

  load(name, unit, {bits, shape: [nz, ny, nx]}, filter) {
    const gl = this.gl;
    gl.deleteTexture(this.textures[name] || null);
    this.textures[name] = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_3D, this.textures[name]);
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.R16F, nx, ny, nz, 0, gl.RED, gl.HALF_FLOAT, bits);
    for (const one of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) gl.texParameteri(gl.TEXTURE_3D, one, gl.CLAMP_TO_EDGE);
    for (const one of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_3D, one, filter);
    gl.uniform1i(this.at(name), unit);
  }

  /** Draw before long; a fine picture follows a coarse one. */
  soon(moving) {
    if (!this.facts || !this.canvas.clientWidth) return;
    this.moving = moving;
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      this.draw(this.moving ? MOVING : RESTING);
      clearTimeout(this.later);
      if (this.moving) this.later = setTimeout(() => this.soon(false), 160);
    });
  }

  /** Takes about so many milliseconds. */
  draw(time) {
    const gl = this.gl, box = this.canvas, ratio = window.devicePixelRatio || 1;
    const [wide, high] = [box.clientWidth, box.clientHeight], finest = ratio * (this.cost * wide * high * ratio * ratio * 4 < 120 ? 2 : 1);
    const scale = Math.max(0.15, Math.min(finest, Math.sqrt(time / (this.cost * wide * high))));
    [box.width, box.height] = [Math.max(1, Math.round(wide * scale)), Math.max(1, Math.round(high * scale))];
    const began = performance.now(), {camera} = this, least = Math.min(wide, high);
    gl.viewport(0, 0, box.width, box.height);
    gl.uniformMatrix3fv(this.at("back"), false, camera.turned); // its rows as columns: transposed
    gl.uniform2f(this.at("span"), (camera.reach * wide) / least, (camera.reach * high) / least);
    gl.uniform2fv(this.at("shift"), camera.shift);
    gl.uniform1f(this.at("near"), camera.near);
    gl.uniform1f(this.at("level"), this.level / this.facts.scale);
    gl.uniform3fv(this.at("colour"), this.colour);
    gl.uniform3fv(this.at("paper"), PAPER);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits for the picture
    this.cost = 0.5 * this.cost + (0.5 * (performance.now() - began)) / (box.width * box.height);
    this.canvas.dataset.drawn = String(Number(this.canvas.dataset.drawn || 0) + 1);
    this.canvas.dataset.fine = String(time === RESTING);
  }
}
