#!/bin/bash
# Writes the story of each scenario of the last test run to the job summary, or to stdout elsewhere. The argument is a heading.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
summary=${GITHUB_STEP_SUMMARY:-/dev/stdout}
printf '### %s\n\n' "${1:-scenarios}" >>"$summary"
found=
for folder in sealed-scenarios scenarios scenarios-user; do
    compgen -G "results/test/$folder/*/events.jsonl" >/dev/null || continue
    found=1
    [[ $folder == scenarios ]] || printf '#### %s\n\n' "$folder" >>"$summary"
    build/release/vclab report --markdown "results/test/$folder" >>"$summary"
done
[[ $found ]] || printf 'No scenario left a result.\n' >>"$summary"
