#!/usr/bin/env bash
# Draw the corrected FSC of `spa post fsc` in the terminal: a bar a shell, up to the resolution found and a bit beyond.
#   fsc-bars.sh FSC_STAR
set -euo pipefail

final=$(spa star cat --quiet --block general --columns rlnFinalResolution "$1" | awk '$1 == "_rlnFinalResolution" { print $2 }')
spa star cat --quiet --block fsc --columns rlnAngstromResolution,rlnFourierShellCorrelationCorrected "$1" |
    awk -v final="$final" '
        NF == 2 && $1 ~ /^[0-9.]+$/ && $1 < 900 && $1 >= 0.85 * final {
            bar = sprintf("%*s", $2 > 0 ? int(50 * $2 + 0.5) : 0, ""); gsub(/ /, "#", bar)
            printf "%8.2f A  %6.3f  %-50s|%s\n", $1, $2, bar, ($2 < 0.143 && !below++) ? " below 0.143" : ""
        }'
printf "0.143 is reached at %.2f A\n" "$final"
