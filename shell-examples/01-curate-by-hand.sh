#!/usr/bin/env bash
# Look at a set in the terminal, keep micrographs by rules of your own, and see what --auto would have done.
#   01-curate-by-hand.sh [OUT]     into the new folder OUT (default: curate)
set -euo pipefail
out=$(realpath -m "${1:-curate}")
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
mkdir -p "$out"
cd "$out"

spa simulate micrographs -d Micrographs --n 6 --bad 1 --empty 1 --size 1024 1024 --particles 40 --seed 2 > /dev/null
spa import micrographs 'Micrographs/mic*.mrc' --pixel-size 2.5 | spa ctf patch -d Ctf > ctf.star

# figures and histograms of the columns that matter
spa star stat --columns rlnDefocusU,rlnCtfAstigmatism,rlnCtfFigureOfMerit ctf.star

# rules of one's own: each has to hold; what goes is kept too, with the reason
spa curate rules --keep 'rlnDefocusU < 30000' --keep 'rlnCtfFigureOfMerit > 0.4' --rejected by_hand.star ctf.star > good.star

# the same in one expression, for any table and any column
spa star filter 'rlnDefocusU < 30000 and rlnCtfFigureOfMerit > 0.4' ctf.star > filtered.star

# and from the set itself; after picking, the number of picks counts too
spa curate rules --auto --rejected by_auto.star ctf.star > auto.star
spa pick blob -d Picks --diameter 120 160 auto.star | spa curate rules --auto --rejected by_picks.star > picked.star
