#!/usr/bin/env bash
# RELION reads the tables as they are: poses found by spa, reconstructed by relion_reconstruct, and the two maps compared.
#   04-with-relion.sh [OUT]     into the new folder OUT (default: with-relion); needs RELION 3.1 or newer
set -euo pipefail
out=$(realpath -m "${1:-with-relion}")
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
command -v relion_reconstruct > /dev/null || { echo "relion_reconstruct is not here" >&2; exit 69; }
. "$(dirname "$0")/setup.sh"
mkdir -p "$out"
cd "$out"

spa simulate particles -d Particles --symmetry D2 --n 250 --box 40 --pixel-size 6 --snr 0.3 > particles.star
spa refine homo particles.star -d Refine --reference Particles/truth.mrc --symmetry D2 --diameter 160 > refined.star
relion_reconstruct --i refined.star --o relion.mrc --ctf --sym D2 > relion.log

echo "the map of spa against that of RELION, from the same poses:"
spa post fsc --half1 Refine/map.mrc --half2 relion.mrc -d Fsc > /dev/null
"$examples/fsc-bars.sh" Fsc/fsc.star
