#!/usr/bin/env bash
# From nothing to a map: installs spa, simulates micrographs of a made-up protein, and solves its structure.
#   quickstart.sh [OUT [MICROGRAPHS]]     into the new folder OUT (default: quickstart), from so many micrographs (9)
# Five minutes on two cores. setup.sh says where spa is installed, and how to change that.
set -euo pipefail
out=$(realpath -m "${1:-quickstart}") count=${2:-9}
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
mkdir -p "$out/figures"
cd "$out"
say() { printf '\n== %s\n' "$*"; }

say "$count micrographs of a D2 tetramer that nobody has seen before, the last one spoiled by drift"
spa simulate micrographs -d Micrographs --n "$count" --bad 1 --symmetry D2 --seed "$count" > /dev/null

say "micrographs -> CTF -> good micrographs -> picks -> particles"
spa import micrographs 'Micrographs/mic*.mrc' --pixel-size 2.5 --voltage 300 --cs 2.7 --amplitude-contrast 0.1 |
    spa ctf patch -d Ctf --plot figures/ctf.png |
    spa curate rules --auto --rejected rejected.star --plot figures/curate.png |
    tee micrographs.star |
    spa pick blob -d Picks --diameter 120 160 --plot figures/picks.png |
    spa inspect picks --auto --plot figures/inspect.png |
    spa extract particles -d Particles --box 96 --crop 80 > particles.star

say "particles -> 2-D classes -> the good ones"
spa classify 2d particles.star -d Class2D --classes 12 --diameter 170 --plot figures/classes.png |
    spa select classes --auto --plot figures/selected.png > selected.star

say "particles -> a first model from nothing -> refined half maps"
spa abinit model selected.star -d Abinit --symmetry D2 --diameter 160 --plot figures/abinit.png |
    tee abinit.star |
    spa refine homo -d Refine --symmetry D2 --diameter 160 --plot figures/refine.png > refined.star

say "half maps -> mask -> FSC -> sharpened map"
spa post mask refined.star -d Mask --plot figures/mask.png |
    spa post fsc -d Fsc --plot figures/fsc.png |
    spa post sharpen -d Sharpened --plot figures/sharpened.png > final.star

say "corrected FSC of the two half maps"
"$examples/fsc-bars.sh" Fsc/fsc.star

say "and how it compares with the truth, which no job has seen"
spa star set --quiet --rename rlnDefocusU foundDefocusU micrographs.star |
    spa star join --quiet --with Micrographs/truth_micrographs.star --columns rlnDefocusU |
    spa star set --quiet 'defocusError = foundDefocusU - rlnDefocusU' |
    spa star stat --quiet --columns defocusError
python "$examples/against_truth.py" Sharpened/sharpened_masked.mrc Micrographs/truth.mrc

spa report . -o report.html --title "Quickstart"

say "done in $SECONDS s"
echo "the map      $out/Sharpened/sharpened.mrc"
echo "its table    $out/final.star (spa star cat shows it; its first lines are every step it has come through)"
echo "figures      $out/figures"
echo "all in one   $out/report.html, for a browser"
