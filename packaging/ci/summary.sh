#!/bin/bash
# Writes the story of each scenario of the last test run to the job summary, or to stdout elsewhere. The argument is a heading.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
summary=${GITHUB_STEP_SUMMARY:-/dev/stdout}
printf '### %s\n\n' "${1:-scenarios}" >>"$summary"
if compgen -G 'results/test/scenarios/*/events.jsonl' >/dev/null; then
    build/release/vclab report --markdown results/test/scenarios >>"$summary"
else
    printf 'No scenario left a result.\n' >>"$summary"
fi
