#!/usr/bin/env bash
# Two proteins in one sample: 2-D classes tell them apart.
#   02-mixture-2d.sh [OUT [PARTICLES]]     into the new folder OUT (default: mixture), so many of each (400)
set -euo pipefail
out=$(realpath -m "${1:-mixture}") count=${2:-400}
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
mkdir -p "$out"
cd "$out"

# two stacks with one optics group; a column of our own says which is which, and no job reads it
simulate=(spa simulate particles --n "$count" --box 64 --pixel-size 4)
"${simulate[@]}" -d Tetramer --symmetry D2 --specimen-diameter 140 --seed 1 | spa star set "protein = 'tetramer'" > a.star
"${simulate[@]}" -d Ring --symmetry C7 --specimen-diameter 190 --seed 2 | spa star set "protein = 'ring'" > b.star
spa star cat a.star b.star |
    spa classify 2d -d Class2D --classes 12 --diameter 210 --plot classes.png > classified.star

# how many of each protein each class has
spa star cat --quiet --block particles --columns rlnClassNumber,protein classified.star |
    awk '/^[0-9]/ { n[$1, $2]++; class[$1] }
         END { for (c in class) printf "class %2d: %4d tetramers %4d rings\n", c, n[c, "tetramer"], n[c, "ring"] }' | sort
