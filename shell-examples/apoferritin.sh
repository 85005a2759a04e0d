#!/usr/bin/env bash
# Real micrographs of apoferritin (EMPIAR-10146 or the like) to a map below 11 A.
#   apoferritin.sh DIR [OUT]     DIR/micrographs/*.mrc: 300 kV, 1.5 A a pixel; results go into the new folder OUT
#   PIXEL_SIZE=1.5 VOLTAGE=300 CS=2.7     where other micrographs differ
# setup.sh says where spa is installed, and how to change that.
set -euo pipefail
data=$(realpath -e "${1:?the folder that has micrographs/*.mrc}") out=$(realpath -m "${2:-apoferritin}")
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
mkdir -p "$out/figures"
cd "$out"
ln -s "$data/micrographs" micrographs
say() { printf '\n== %s\n' "$*"; }

say "micrographs -> CTF -> good micrographs -> picks -> particles"
spa import micrographs 'micrographs/*.mrc' --pixel-size "${PIXEL_SIZE:-1.5}" --voltage "${VOLTAGE:-300}" --cs "${CS:-2.7}" |
    spa ctf patch -d Ctf --plot figures/ctf.png |
    spa curate rules --auto --rejected rejected.star --plot figures/curate.png |
    tee micrographs.star |
    spa pick blob -d Picks --diameter 110 135 --plot figures/picks.png |
    spa inspect picks --auto --plot figures/inspect.png |
    spa extract particles -d Particles --box 128 --crop 64 > particles.star

say "particles -> 2-D classes -> the good ones"
spa classify 2d particles.star -d Class2D --classes 16 --diameter 140 --plot figures/classes.png |
    spa select classes --auto --plot figures/selected.png > selected.star

say "a first model from nothing, without symmetry: a hollow shell is to be seen"
spa abinit model selected.star -d Abinit_C1 --diameter 140 --plot figures/abinit_C1.png > abinit_C1.star

say "a first model with the octahedral symmetry -> refined half maps"
spa abinit model selected.star -d Abinit --symmetry O --diameter 140 --plot figures/abinit.png |
    tee abinit.star |
    spa refine homo -d Refine --symmetry O --diameter 140 --plot figures/refine.png > refined.star

say "half maps -> mask -> FSC -> sharpened map"
spa post mask refined.star -d Mask --plot figures/mask.png |
    spa post fsc -d Fsc --plot figures/fsc.png |
    spa post sharpen -d Sharpened --plot figures/sharpened.png > final.star

say "corrected FSC of the two half maps"
"$examples/fsc-bars.sh" Fsc/fsc.star

say "done in $SECONDS s"
echo "the map      $out/Sharpened/sharpened.mrc"
echo "its table    $out/final.star"
echo "figures      $out/figures"
