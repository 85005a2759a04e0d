#!/usr/bin/env bash
# Nearly symmetric: in C1, then in the symmetry that is found, copies over it classified without alignment in a mask
# around one subunit, and a refinement in which each particle keeps the copy that its odd subunit speaks for.
#   07-one-subunit.sh [OUT [PARTICLES]]    into the new folder OUT (default: one-subunit), of so many particles (400)
set -euo pipefail
out=$(realpath -m "${1:-one-subunit}") count=${2:-400}
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
mkdir -p "$out"
cd "$out"

# a protein of three subunits of which each particle lacks one
simulate=(spa simulate particles --box 40 --pixel-size 6 --snr 0.5 --symmetry C3)
"${simulate[@]}" -d Whole --n 10 --seed 1 > /dev/null
"${simulate[@]}" -d Made --n "$count" --seed 2 --map Whole/truth.mrc --odd-subunit missing > /dev/null

# C1, as if no symmetry were known: the three ways round are nearly alike, each half of the images finds one of them for
# itself, and the halves are laid on one another
spa refine homo Made/particles.star -d C1 --reference Whole/truth.mrc --lowpass 30 > c1.star
python "$examples/against_truth.py" C1/map.mrc Made/truth.mrc

# the symmetry that it nearly has, told by a map in which particles still lie any way round, and laid onto its axes
spa refine homo Made/particles.star -d Round --reference Whole/truth.mrc --lowpass 30 --iterations 1 |
    tee round.star | spa symmetry detect > groups.star
spa symmetry align round.star -d Aligned --symmetry C3 --average > aligned.star

# with the symmetry: three times as many views, and all subunits alike
spa refine homo aligned.star -d C3 --symmetry C3 --lowpass 25 > c3.star
spa post mask c3.star -d Mask > masked.star
python "$examples/one_subunit.py" C3/map.mrc Mask/mask.mrc C3 subunit.mrc

# each subunit as if it were a particle: poses stay, and only what the mask keeps may differ
spa symmetry expand c3.star --symmetry C3 |
    spa classify 3d -d Classes --classes 2 --focus-mask subunit.mrc --max-resolution 14 > classes.star

# how many of a particle's three copies are in the rarer class: one, where it lacks one subunit
spa star cat --quiet --block particles --columns spaSymmetryParent,rlnClassNumber classes.star |
    awk 'NF == 2 && $1 !~ /^[#_]/ { n[$1] += $2 == 2 } END { for (p in n) of[n[p]]++; for (k in of) print k, "copies:", of[k] }' | sort

# the whole particle without the symmetry that it has only nearly
spa refine homo c3.star -d Relaxed --relax-symmetry C3 --focus-mask Mask/mask.mrc --lowpass 25 > relaxed.star
python "$examples/against_truth.py" Relaxed/map.mrc Made/truth.mrc
