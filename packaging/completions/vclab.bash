# bash completion for vclab: . packaging/completions/vclab.bash
# shellcheck shell=bash

_vclab_topologies() { cd "$1/topologies" 2>/dev/null && printf '%s ' ./*.yaml | sed 's#\./##g; s/\.yaml//g'; }

_vclab() {
    local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]-} home words=
    local commands='run list sweep check activate onboard up status exec shell fault heal doctor capture down report replay export import plan bench preflight test'
    home=$(dirname "$(readlink -f "$(command -v "${COMP_WORDS[0]}")")")
    [[ -d $home/scenarios ]] || home=$(dirname "$(dirname "$home")")
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$current")
        return
    fi
    case $command in
    run) words='--cold --twice --seed --jobs --shard --accel --limit --bundle --live --plane --wires --results --no-captures --evidence --json' ;;
    replay) words='--results --limit --json' ;;
    shell) words="--sealed --timers --seed --results --lab $(_vclab_topologies "$home")" ;;
    up) words="--timers --plane --wires --seed --results --captures $(_vclab_topologies "$home")" ;;
    status | preflight) words='--json' ;;
    doctor) words='--json --evidence --catalogue --results --lab' ;;
    sweep) words="--depth --only --shard --limit-cases --chain --timers --jobs --seed --campaign --results --keep --list --json $(_vclab_topologies "$home")" ;;
    list) words='--json --catalogue --results' ;;
    bench) words='--runs --seed --json --compare --results --plane --wires --timers bring-up ten-labs failover throughput wires sealed-cold sealed-warm sealed-24h sealed-suite sealed-same doctor planner' ;;
    activate) words='--status --export --settings --files --deactivate --out --seed --as full-admin read-only --ledger --json' ;;
    onboard) words='--cpe --node --out --timers tuned service keepalive bfd only-bfd --seed --jobs --as full-admin read-only --ledger --results --only --failures --live --list --json' ;;
    export) words="--as --topology --timers --seed --no-secrets --out ios-xe strongswan frr bird libreswan $(_vclab_topologies "$home")" ;;
    import) words="--from --topology --node --timers --peer --json -o ios-xe strongswan-frr $(_vclab_topologies "$home")" ;;
    plan) words='--level call packet --verify --seed --results --json' ;;
    report) words='--markdown --json --rejudge' ;;
    fault) words='--misconfigure link-down drop daemon-kill daemon-pause daemon-restart power-off wan-cut link= node= tunnel= select= direction= daemon= end= name=' ;;
    test) words='format tidy unit asan launcher live sealed scenarios' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    case $command in
    run | check | up | shell | sweep | plan | activate | onboard | export) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X '!*.yaml' -- "$current"; compgen -d -- "$current") ;;
    replay | import) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
    doctor | report) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
    esac
}
complete -o filenames -F _vclab vclab ./vclab
