# bash completion for vclab: . packaging/completions/vclab.bash
# shellcheck shell=bash

_vclab() {
    local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]-} home words=
    local commands='run list check up status exec shell fault heal capture down report bench preflight test'
    home=$(dirname "$(readlink -f "$(command -v "${COMP_WORDS[0]}")")")
    [[ -d $home/scenarios ]] || home=$(dirname "$(dirname "$home")")
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$current")
        return
    fi
    case $command in
    run) words='--live --jobs --shard --seed --plane --results --no-captures --json' ;;
    up) words="--timers --plane --seed --results --captures $(cd "$home/topologies" 2>/dev/null && printf '%s ' ./*.yaml | sed 's#\./##g; s/\.yaml//g')" ;;
    status | list | preflight | bench) words='--json' ;;
    report) words='--markdown --json --rejudge' ;;
    fault) words='link-down drop daemon-kill daemon-pause daemon-restart power-off wan-cut link= node= tunnel= select= direction= daemon= end= name=' ;;
    test) words='format tidy unit asan launcher live scenarios guest' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    case $command in
    run | check | up) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X '!*.yaml' -- "$current"; compgen -d -- "$current") ;;
    report) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
    esac
}
complete -o filenames -F _vclab vclab ./vclab
