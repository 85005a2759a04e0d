// Maps as they come from the job: half floats, kept while there is room.

import {picture} from "./frame.js";
import {BLOCK} from "./shaders.js";

const ROOM = 400e6; // bytes
const kept = new Map();

/** The number that 16 bits are. */
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, power = (bits >> 10) & 31, part = bits & 1023;
  return power === 31 ? (part ? NaN : sign * Infinity) : sign * (power ? 2 ** (power - 15) * (1 + part / 1024) : 2 ** -14 * (part / 1024));
}

/** {facts, bits, shape: [nz, ny, nx]}; a promise, kept for the next time. */
export function volume(number, most) {
  if (!kept.has(number)) {
    const coming = fetched(number, most);
    coming.catch(() => kept.delete(number));
    kept.set(number, coming);
    coming.then(() => forget()).catch(() => {});
  } else {
    const again = kept.get(number);
    kept.delete(number);
    kept.set(number, again);
  }
  return kept.get(number);
}

async function fetched(number, most) {
  const reply = await fetch(picture("volume", {number, most}));
  if (!reply.ok) throw new Error((await reply.json()).error);
  const facts = JSON.parse(reply.headers.get("x-facts"));
  return {facts, shape: facts.shape, bits: new Uint16Array(await reply.arrayBuffer())};
}

async function forget() {
  let room = ROOM;
  for (const [number, coming] of [...kept].reverse()) {
    const one = await coming.catch(() => null);
    room -= one ? 2 * one.bits.length : 0;
    if (room < 0) kept.delete(number);
  }
}

/** The largest value in each block and about it, as half floats: {bits, shape}. */
export function blocks({bits, shape: [nz, ny, nx]}) {
  const [bz, by, bx] = [nz, ny, nx].map((n) => Math.ceil(n / BLOCK));
  const rank = (v) => (v & 0x8000 ? -(v & 0x7fff) : v), out = new Int32Array(bz * by * bx).fill(-0x8000);
  const span = (i, n) => [Math.max(0, Math.floor((i - 1) / BLOCK)), Math.min(n - 1, Math.floor((i + 1) / BLOCK))];
  const rows = new Int32Array(bx);
  for (let z = 0, i = 0; z < nz; z++) for (let y = 0; y < ny; y++) {
    rows.fill(-0x8000);
    for (let x = 0; x < nx; x++, i++) {
      const v = rank(bits[i]), at = (x / BLOCK) | 0, on = x % BLOCK;
      if (v > rows[at]) rows[at] = v;
      if (on === 0 && at && v > rows[at - 1]) rows[at - 1] = v;
      if (on === BLOCK - 1 && at + 1 < bx && v > rows[at + 1]) rows[at + 1] = v;
    }
    const [z0, z1] = span(z, bz), [y0, y1] = span(y, by);
    for (let k = z0; k <= z1; k++) for (let j = y0; j <= y1; j++) {
      const start = (k * by + j) * bx;
      for (let x = 0; x < bx; x++) if (rows[x] > out[start + x]) out[start + x] = rows[x];
    }
  }
  return {bits: Uint16Array.from(out, (v) => (v < 0 ? 0x8000 | Math.min(-v, 0x7bff) : v)), shape: [bz, by, bx]};
}
