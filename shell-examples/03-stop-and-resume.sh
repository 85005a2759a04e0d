#!/usr/bin/env bash
# A refinement that is stopped in the middle goes on with --resume, and ends with the same bytes as an undisturbed one.
#   03-stop-and-resume.sh [OUT]     into the new folder OUT (default: resume)
set -euo pipefail
out=$(realpath -m "${1:-resume}")
[ ! -e "$out" ] || { echo "$out is there already: name another folder, or remove it" >&2; exit 73; }
. "$(dirname "$0")/setup.sh"
mkdir -p "$out"
cd "$out"

spa simulate particles -d Particles --symmetry D2 --n 200 --box 40 --pixel-size 6 --snr 0.3 > particles.star
refine=(spa refine homo particles.star --reference Particles/truth.mrc --symmetry D2 --diameter 160 --iterations 4)
"${refine[@]}" -d Whole > whole.star

# stop it as a scheduler does when time is up, once the first iteration is on disk
"${refine[@]}" -d Stopped > stopped.star & job=$!
until compgen -G 'Stopped/state.*' > /dev/null || ! kill -0 $job 2> /dev/null; do sleep 0.1; done
kill -TERM $job 2> /dev/null || true
wait $job && status=0 || status=$?
echo "status $status (75: stopped, can be resumed; 0: it was faster than the signal)"

"${refine[@]}" -d Stopped --resume > stopped.star
cmp Whole/map.mrc Stopped/map.mrc
echo "the two maps are the same, byte for byte"
