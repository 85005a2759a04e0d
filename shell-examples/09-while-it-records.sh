#!/usr/bin/env bash
# While a microscope records: each movie is taken as it comes, and tables, figures and picks grow with it.
#   09-while-it-records.sh [OUT [MOVIES]]     into the new folder OUT (default: live), until so many movies (3) have come
set -euo pipefail
out=$(realpath -m "${1:-live}") count=${2:-3}
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
mkdir -p "$out"/{Scope,Rounds}
cd "$out"

# a stand-in for the microscope: movies of one camera, a new one every second
spa simulate movies -d Made --n "$count" --size 768 768 --frames 12 --dose 3 --specimen-diameter 150 --seed 5 > made.star
for movie in Made/*.tif; do sleep 1; cp "$movie" Scope/.part && mv Scope/.part "Scope/${movie##*/}"; done &

settings=(--pixel-size 2.5 --voltage 300 --cs 2.7 --amplitude-contrast 0.1 --dose 3 --gain Made/gain.mrc)
round=0
touch seen
while [ "$(wc -l < seen)" -lt "$count" ]; do
  # what has come since the last round (where a camera writes in place: find Scope -name '*.tif' -mmin +1)
  find Scope -name '*.tif' | sort | comm -23 - seen > new
  [ -s new ] || { sleep 1; continue; }
  round=$((round + 1))

  # each round has folders of its own; a movie that cannot be read is named, and the others are done (status 1)
  xargs -d '\n' spa import movies "${settings[@]}" < new |
    spa motion patch -d "Motion/$round" |
    spa ctf patch -d "Ctf/$round" |
    spa pick blob -d "Picks/$round" --diameter 130 170 > "Rounds/$round.star" || [ $? -eq 1 ]
  sort -o seen seen new

  # the tables of all rounds are one; what they say so far
  spa star cat Rounds/*.star > all.star
  spa star stat --block micrographs --columns rlnAccumMotionTotal,rlnDefocusU,rlnCtfMaxResolution all.star
  echo "after round $round: $(wc -l < seen) movies"
done
wait

# the set is whole: what is good of it, and its particles
spa curate rules --auto --plot exposures.png all.star | spa extract particles -d Extract --box 96 > particles.star
