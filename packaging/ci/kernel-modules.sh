#!/bin/bash
# Loads what the kernel data plane needs, from the extra modules' package where the running kernel keeps them there. Without them
# vclab takes the user data plane, so a kernel that lacks them is reported and not an error.
set -uo pipefail
modules=(veth ip_gre esp4 xfrm_user xfrm_interface sch_netem sch_tbf nf_tables tun)

missing() {
    for module in "${modules[@]}"; do
        modprobe --quiet "$module" || printf '%s ' "$module"
    done
}

left=$(missing)
if [[ $left ]]; then
    printf 'not there: %s; installing the extra modules of %s\n' "$left" "$(uname -r)"
    apt-get update -q
    apt-get install -q -y --no-install-recommends "linux-modules-extra-$(uname -r)"
    left=$(missing)
fi
printf 'kernel modules: %s\n' "${left:+without $left}${left:-all there}"
