#!/usr/bin/env bash
# From movies to particles: motion, CTF, picks, boxes.
#   05-from-movies.sh [OUT [MOVIES]]     into the new folder OUT (default: from-movies), so many movies (2)
set -euo pipefail
out=$(realpath -m "${1:-from-movies}") count=${2:-2}
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
mkdir -p "$out"
cd "$out"

# movies of a made-up protein, with a gain and bad pixels; their table is all that the next job needs
spa simulate movies -d Movies --n "$count" --size 1024 1024 --specimen-diameter 180 --contrast 0.08 --seed 3 > movies.star

# aligned sums, weighted by dose, and their CTF; how far the specimen went, early and in all, and what the rings tell
spa motion patch -d Motion --plot motion.png movies.star | spa ctf patch -d Ctf > ctf.star
spa star stat --columns rlnAccumMotionEarly,rlnAccumMotionTotal,rlnDefocusU,rlnCtfMaxResolution ctf.star

# picks by size, and their boxes
spa pick blob -d Picks --diameter 160 200 ctf.star > picked.star
spa extract particles -d Extract --box 96 picked.star > particles.star
