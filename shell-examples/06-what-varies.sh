#!/usr/bin/env bash
# What varies: a consensus, its components, the particles of one kind refined by themselves, volumes of each kind.
#   06-what-varies.sh [OUT [PARTICLES]]    into the new folder OUT (default: varies), so many of each kind (400)
set -euo pipefail
out=$(realpath -m "${1:-varies}") count=${2:-400}
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
mkdir -p "$out"
cd "$out"

# a protein of three subunits, and the same with one of them missing, in a frame that both share
simulate=(spa simulate particles --n "$count" --box 48 --pixel-size 5 --snr 0.4 --symmetry C3)
"${simulate[@]}" -d Whole --seed 1 > /dev/null
"${simulate[@]}" -d Less --seed 2 --map Whole/truth.mrc --odd-subunit missing > /dev/null
spa star set "kind = 'whole'" Whole/truth.star > a.star
spa star set "kind = 'less'" Less/truth.star | spa star cat a.star - > known.star

# a consensus of all, from the map that lacks a subunit: the gap tells the three ways round apart
spa refine homo known.star -d Consensus --reference Less/truth.mrc --lowpass 20 --iterations 6 > consensus.star

# what varies, and whether it is more than chance
spa vary linear consensus.star -d Vary --components 2 --max-resolution 12 --clusters 2 --plot latents.png > latents.star

# the particles of one kind, those that are certain, refined by themselves
spa select latent --cluster 1 --certain 0.8 latents.star | spa refine local -d One > one.star

# a volume of each kind, and a session of ChimeraX
spa vary volumes latents.star -d Volumes --centres --max-resolution 12 | spa export chimerax -d Session > volumes.star

# how many of each kind each cluster has
spa star cat --quiet --block particles --columns spaLatentCluster,kind latents.star |
    awk '/^[0-9]/ { n[$1, $2]++; cluster[$1] }
         END { for (c in cluster) printf "cluster %d: %4d whole %4d less\n", c, n[c, "whole"], n[c, "less"] }' | sort
