#!/usr/bin/env bash
# Nothing thrown away: all picks, extracted coarsely, go into a neural latent space with poses from nothing; then one looks
# what is there, also what cleaning by 2-D classes would have lost. Of real data extract at 128 px (--crop 128) and take
# all the particles there are; here it is coarser and there are few, for the time that an example may take.
#   08-nothing-thrown-away.sh [OUT [MICROGRAPHS]]  into the new folder OUT (default: nothing-thrown-away), of so many (6)
set -euo pipefail
out=$(realpath -m "${1:-nothing-thrown-away}") count=${2:-6}
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
there='import sys; from importlib.util import find_spec; sys.exit(not (find_spec("torch") and find_spec("umap")))'
python -c "$there" || "$VENV/bin/pip" install --quiet --editable "$examples/..[plot,neural]"
mkdir -p "$out"
cd "$out"

# a protein, and on every third micrograph another one, which nobody has asked for
simulate=(spa simulate micrographs --box 96 --particles 100 --snr 0.15)
"${simulate[@]}" -d Common --n "$count" --specimen-diameter 160 --seed 1 > common.star
"${simulate[@]}" -d Rare --n $(((count + 2) / 3)) --specimen-diameter 110 --symmetry C4 --seed 7 > rare.star

# every pick there is, junk too
spa star cat common.star rare.star |
    spa ctf patch -d Ctf |
    spa pick blob -d Picks --diameter 100 170 |
    spa extract particles -d Particles --box 96 --crop 48 > particles.star

# poses and what varies, both from nothing
small=(--seeds 1 --rounds 1 --epochs 60 --rate 0.005 --maps 8 --width 64 --layers 2) # of real data leave these out
spa vary neural particles.star -d Neural --abinit --diameter 170 --max-resolution 14 --latent 2 --clusters 4 "${small[@]}" |
    spa select latent --umap --plot latents.png > latents.star

# what cleaning by 2-D classes would have kept
spa classify 2d particles.star -d Class2D --classes 12 --diameter 180 | spa select classes --auto > cleaned.star

# of which protein are each cluster and what was kept: its micrograph tells
spa star cat --quiet --block particles --columns spaLatentCluster,rlnMicrographName latents.star |
    awk '/^[0-9]/ { n[$1, $2 ~ /^Rare/]++; all[$2 ~ /^Rare/]++; cluster[$1] }
         END { for (c in cluster) printf "cluster %d: %4d common %4d rare\n", c, n[c, 0], n[c, 1]
               printf "picked    : %4d common %4d rare\n", all[0], all[1] }' | sort
spa star cat --quiet --block particles --columns rlnClassNumber,rlnMicrographName cleaned.star |
    awk '/^[0-9]/ { n[$2 ~ /^Rare/]++ } END { printf "cleaned   : %4d common %4d rare\n", n[0], n[1] }'

# and what the clusters' volumes are like
for volume in Neural/cluster*.mrc; do
    for protein in Common Rare; do
        echo "$volume, $protein: $(python "$examples/against_truth.py" "$volume" "$protein/truth.mrc")"
    done
done
