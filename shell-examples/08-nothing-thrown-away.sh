#!/usr/bin/env bash
# Nothing thrown away: all picks, extracted coarsely, go into a neural latent space with poses from nothing; then one looks
# what is there, also what cleaning by classes would have lost. Of real data extract at 128 px (--crop 128) and take
# all the particles there are; here it is coarser and there are few, for the time that an example may take.
#   08-nothing-thrown-away.sh [OUT [MICROGRAPHS]]  into the new folder OUT (default: nothing-thrown-away), of so many (6)
set -euo pipefail
out=$(realpath -m "${1:-nothing-thrown-away}") count=${2:-6}
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
python -c 'import matplotlib, torch' 2> /dev/null || "$VENV/bin/pip" install --quiet --editable "$examples/..[plot,neural]"
mkdir -p "$out"
cd "$out"

# a protein, and on every third micrograph the same without one end, which nobody has asked for
simulate=(spa simulate micrographs --box 96 --snr 0.15)
"${simulate[@]}" -d Common --n "$count" --particles 100 --specimen-diameter 160 --seed 1 > common.star
python "$examples/one_end_gone.py" Common/truth.mrc less.mrc
"${simulate[@]}" -d Rare --n $(((count + 2) / 3)) --particles 60 --map less.mrc --seed 7 > rare.star

# every pick there is, junk too
spa star cat common.star rare.star |
    spa ctf patch -d Ctf |
    spa pick blob -d Picks --diameter 120 170 |
    spa extract particles -d Particles --box 96 --crop 48 > particles.star

# what cleaning would have kept: good 2-D classes, and of these what falls to the larger of two maps
spa classify 2d particles.star -d Class2D --classes 10 --diameter 180 |
    spa select classes --auto |
    spa abinit model -d Abinit --diameter 170 --seeds 1 |
    spa classify 3d -d Class3D --classes 2 |
    spa select classes --classes 1 > cleaned.star

# instead: poses and what varies, both from nothing
small=(--seeds 1 --rounds 1 --epochs 30 --rate 0.005 --maps 8 --width 64 --layers 2) # of real data leave these out
spa vary neural particles.star -d Neural --abinit --diameter 170 --max-resolution 14 --latent 1 --clusters 2 "${small[@]}" \
    --plot latents.png > latents.star

# of which kind are each cluster and what was kept: the micrograph tells
spa star cat --quiet --block particles --columns spaLatentCluster,rlnMicrographName latents.star |
    awk '/^[0-9]/ { n[$1, $2 ~ /^Rare/]++; all[$2 ~ /^Rare/]++; cluster[$1] }
         END { for (c in cluster) printf "cluster %d: %4d common %4d rare\n", c, n[c, 0], n[c, 1]
               printf "picked    : %4d common %4d rare\n", all[0], all[1] }' | sort
spa star cat --quiet --block particles --columns rlnClassNumber,rlnMicrographName cleaned.star |
    awk '/^[0-9]/ { n[$2 ~ /^Rare/]++ } END { printf "cleaned   : %4d common %4d rare\n", n[0], n[1] }'

# and what the clusters' volumes are like
for volume in Neural/cluster*.mrc; do
    for truth in Common/truth.mrc less.mrc; do
        echo "$volume, $truth: $(python "$examples/against_truth.py" "$volume" "$truth")"
    done
done
