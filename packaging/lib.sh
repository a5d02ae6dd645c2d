# Shared by the launcher and the test runner. Expects $home, the root of the tree.
# shellcheck shell=bash disable=SC2154

say() { printf 'vclab: %s\n' "$*" >&2; }

# The exit statuses of the command line: 2 for usage, 3 for a host that cannot.
die() {
    say "$2"
    exit "$1"
}

# Who called sudo gets the files: what need not be root is done as that user, except in a tree which that user cannot write.
set_builder() {
    builder=()
    user_home=${HOME:-/root}
    [[ $EUID == 0 && ${SUDO_UID:-0} != 0 ]] || return 0
    local entry name gid
    entry=$(getent passwd "$SUDO_UID") || die 3 "SUDO_UID=$SUDO_UID has no passwd entry"
    IFS=: read -r name _ _ gid _ user_home _ <<<"$entry"
    builder=(setpriv --reuid="$SUDO_UID" --regid="${SUDO_GID:-$gid}" --init-groups --inh-caps=-all
        env HOME="$user_home" USER="$name" LOGNAME="$name")
}

# Runs a command as the builder.
as_user() { "${builder[@]}" "$@"; }

# Like as_user, for what is written into the tree.
in_tree() {
    if [[ ${#builder[@]} == 0 ]] || as_user test -w "$home"; then
        as_user "$@"
    else
        "$@"
    fi
}

# The packages of packaging/packages: [build], and the group $1 too.
listed_packages() {
    awk -v group="[${1-}]" '/^\[/ { on = ($1 == "[build]" || $1 == group); next } /^[^#]/ && on { print $1 }' "$home/packaging/packages"
}

missing_packages() {
    local name
    declare -A installed
    while read -r name; do
        installed[$name]=1
    done < <(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii  *//p')
    for name in $(listed_packages "${1-}"); do
        [[ ${installed[$name]-} ]] || printf '%s ' "$name"
    done
}

# Installs what is missing of [build] and group $1, or says how.
ensure_packages() {
    local missing command
    command -v dpkg-query >/dev/null || die 3 "vclab installs its packages on Debian and Ubuntu only; here, install by hand: $(listed_packages "${1-}" | paste -sd ' ')"
    missing=$(missing_packages "${1-}")
    missing=${missing% }
    [[ $missing ]] || return 0
    command="apt-get install --no-install-recommends $missing"
    if [[ $EUID != 0 ]]; then
        say "packages are missing; install them with"
        printf '    sudo %s\n' "$command" >&2
        exit 3
    fi
    say "installing the missing packages: $missing"
    apt-get update </dev/null >&2 || say "some package lists could not be refreshed; trying with those that are there"
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing </dev/null >&2 ||
        die 3 "the packages could not be installed (see above); repair that, or run by hand: $command"
}

# Configures and builds a CMake preset, with its progress on a terminal and its log only when it fails elsewhere.
build_preset() {
    local preset=$1 log=$home/build/$1.log
    shift
    in_tree mkdir -p "$home/build"
    if [[ -t 2 ]]; then
        in_tree cmake -S "$home" --preset "$preset" >/dev/null && in_tree cmake --build "$home/build/$preset" "$@" >&2
    else
        # shellcheck disable=SC2016 # expanded by the inner shell, whose files are then the builder's
        in_tree bash -c 'log=$1 home=$2 preset=$3; shift 3
            { cmake -S "$home" --preset "$preset" && cmake --build "$home/build/$preset" "$@"; } >"$log" 2>&1' \
            - "$log" "$home" "$preset" "$@" || {
            tail -n 40 "$log" >&2
            return 1
        }
    fi
}
