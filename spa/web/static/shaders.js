// A map's surface by casting rays: the level is a number of the shader, so moving it costs nothing.
//
// A ray steps through a texture of the density; blocks of 8 voxels whose largest value is below the level are left at
// once (Levoy, 1990; Kruger and Westermann, IEEE Vis. 2003). Where the level is crossed, the place is found by halving.

export const BLOCK = 8;

export const VERTEX = `#version 300 es
out vec2 place;
void main() {
  place = vec2(gl_VertexID == 1 ? 3. : -1., gl_VertexID == 2 ? 3. : -1.);
  gl_Position = vec4(place, 0., 1.);
}`;

export const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler3D;
uniform sampler3D density, blocks;
uniform mat3 back;                       // from the viewer's axes (right, up, towards him) to the map's
uniform vec3 low, high;                  // corners of the map, angstroms from its centre
uniform float voxel, level, most, near;  // near: where the front is cut off, angstroms towards the viewer
uniform vec2 span, shift;                // half the picture, and where the centre lies in it, angstroms
uniform vec3 colour, paper;
in vec2 place;
out vec4 ink;

float at(vec3 p) { return texture(density, (p - low) / (high - low)).r; }

vec3 slope(vec3 p) {
  vec2 h = vec2(voxel, 0.);
  return vec3(at(p - h.xyy) - at(p + h.xyy), at(p - h.yxy) - at(p + h.yxy), at(p - h.yyx) - at(p + h.yyx));
}

// How much of the half sphere above the surface is open.
float openness(vec3 p, vec3 n) {
  vec3 side = normalize(abs(n.z) < .9 ? cross(n, vec3(0, 0, 1)) : cross(n, vec3(1, 0, 0))), other = cross(n, side);
  float shut = 0., reach = max(5., 3. * voxel);
  for (int i = 0; i < 6; i++) {
    float turn = 1.047 * float(i);
    vec3 d = n * .75 + (side * cos(turn) + other * sin(turn)) * .66;
    shut += step(level, at(p + d * reach)) + .8 * step(level, at(p + d * reach * 2.3));
  }
  shut += step(level, at(p + n * reach)) + .8 * step(level, at(p + n * reach * 2.3));
  return 1. - shut / 12.6;
}

vec3 lit(vec3 p, vec3 n, vec3 paint, float open) {
  vec3 seen = transpose(back) * n, key = normalize(vec3(-.45, .55, .75));
  if (seen.z < 0.) seen = -seen;
  float light = .62 * max(dot(seen, key), 0.) + .16 * max(dot(seen, normalize(vec3(.7, -.1, .5))), 0.) + .3 + .08 * seen.y;
  float shine = .22 * pow(max(dot(seen, normalize(key + vec3(0, 0, 1))), 0.), 28.);
  return paint * light * mix(.42, 1., open) + shine * open;
}

void main() {
  vec3 o = back * vec3(place * span - shift, 0.), d = back * vec3(0., 0., -1.);
  vec3 inv = 1. / (d + vec3(1e-6) * (step(0., d) * 2. - 1.));
  vec3 a = (low - o) * inv, b = (high - o) * inv, first = min(a, b), last = max(a, b);
  float t = max(max(first.x, first.y), max(first.z, -near)), end = min(last.x, min(last.y, last.z));
  ink = vec4(paper, 1.);
  if (t >= end) return;
  float before = t, edge = float(${BLOCK}) * voxel, radius = .5 * length(high - low);
  bool cut = at(o + d * (t + .01 * voxel)) > level;
  if (!cut) {
    ivec3 most_block = textureSize(blocks, 0) - 1;
    bool hit = false;
    for (int i = 0; i < 1600 && t < end; i++) {
      vec3 p = o + d * t;
      ivec3 block = clamp(ivec3((p - low) / edge), ivec3(0), most_block);
      if (texelFetch(blocks, block, 0).r <= level) {
        vec3 corner = low + vec3(block) * edge, out_ = max((corner - o) * inv, (corner + edge - o) * inv);
        t = max(t, min(out_.x, min(out_.y, out_.z))) + .05 * voxel;
        before = t;
        continue;
      }
      if (at(p) > level) { hit = true; break; }
      before = t;
      t += .6 * voxel;
    }
    if (!hit) return;
    for (int i = 0; i < 6; i++) {
      float middle = .5 * (before + t);
      if (at(o + d * middle) > level) t = middle; else before = middle;
    }
  }
  vec3 p = o + d * t, shown;
  if (cut) {
    float full = clamp((at(p) - level) / max(most - level, 1e-9), 0., 1.);
    shown = mix(colour * .82, vec3(.16, .18, .2), sqrt(full));
  } else {
    vec3 n = normalize(slope(p) + 1e-12);
    shown = lit(p, n, colour, openness(p, n));
  }
  float far = clamp((t + radius * .6) / (1.5 * radius), 0., 1.);
  ink = vec4(mix(shown, paper, .38 * far * far), 1.);
}`;
