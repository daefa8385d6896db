#!/usr/bin/env bash
# Measures `sipreel replay` beside other tools on the same capture, and its cost a packet as calls at once grow.
#
#   SIPREEL_BENCH_DIR   where captures and recordings go (default target/bench; needs about 2.5 GB)
#   SIPREEL_BENCH_STORE the folder that recordings go under, if another: in /dev/shm what the file system itself
#                       costs is small and steady
#   SIPREEL             the binary to measure (default: built here)
#   ROUNDS              how often each tool runs (default 5); the tools take turns and medians are shown
#
# CPU time is user and system together. Walls depend on what else the machine does: compare CPU time and ratios.
# The captures are read once beforehand, so that all tools find them in the page cache; stores are cleared between
# runs, outside of the timing. Calls at once are measured in memory wherever the rest is: ext4 passes over each inode that
# was freed within minutes, and with the thousands that clearing a store of 2000 calls frees, that would be all there is
# to see (8 s of CPU time instead of 1). tshark and sngrep are left out, and said to be, where they are not installed.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

dir=${SIPREEL_BENCH_DIR:-target/bench}
rounds=${ROUNDS:-5}
store=${SIPREEL_BENCH_STORE:-$dir}/bench-store
built=${CARGO_TARGET_DIR:-target}/release
calls=200
seconds=60

say() { echo "$*" >&2; }

# room FOLDER MIB: whether so much is free there; measuring on a full disk would measure the disk.
room() {
    local free
    mkdir -p "$1"
    free=$(($(df --output=avail -k "$1" | tail -n 1) / 1024))
    ((free >= $2)) && return
    say "not enough room in $1: $free MiB are free and $2 are needed (SIPREEL_BENCH_DIR and SIPREEL_BENCH_STORE name others)"
    return 1
}

# The captures come to 1.7 GB, the recordings of the largest to 0.7 GB.
room "$dir" 1700
room "${store%/*}" 800
[[ $(stat -c %d "$dir") != $(stat -c %d "${store%/*}") ]] || room "$dir" 2500

say "building"
cargo build --release --quiet -p benches --bins
if [[ -z ${SIPREEL:-} ]]; then
    cargo build --release --quiet -p recorder
    SIPREEL=$built/sipreel
fi

# capture NAME CALLS SECONDS STAGGER_MS: makes $dir/NAME.pcap anew, for the generator may have changed. The number of
# its packets goes to $dir/NAME.packets.
capture() {
    say "making $1.pcap: $2 calls of $3 s"
    "$built/make-capture" --calls "$2" --seconds "$3" --stagger-ms "$4" --out "$dir/$1.pcap" >"$dir/$1.packets"
    read -r packets _ <"$dir/$1.packets"
    echo "$packets" >"$dir/$1.packets"
    # On the disk before the timing begins, and in the page cache.
    sync "$dir/$1.pcap"
    cat "$dir/$1.pcap" >/dev/null
}

# command_of TOOL FILE: sets the array `run` to what measures TOOL on FILE.
command_of() {
    case $1 in
        'sipreel, 1 thread') run=("$SIPREEL" replay "$2" --store "$store" -q --threads 1) ;;
        'sipreel') run=("$SIPREEL" replay "$2" --store "$store" -q) ;;
        'read loop') run=("$built/read-loop" "$2") ;;
        # What the recordings of the main capture come to: 4 bytes a frame, a WAV and a record a call.
        'floor') run=("$built/floor" "$2" --write-bytes $((calls * seconds * 8000 * 4)) --files $((calls * 2))
            --to "$store") ;;
        'tshark') run=(tshark -q -z 'rtp,streams' -r "$2") ;;
        'sngrep') run=(sngrep -N -q -I "$2") ;;
    esac
}

# measure TOOL FILE: appends "wall cpu max_rss_kib" to the tool's times; false where the tool failed.
measure() {
    local run times status=0
    command_of "$1" "$2"
    rm -rf "$store"
    TIMEFORMAT='%3R %3U %3S'
    times=$({ time /usr/bin/time -q -f %M -o "$dir/rss" "${run[@]}" </dev/null >"$dir/out" 2>"$dir/err"; } 2>&1) ||
        status=$?
    if ((status != 0)); then
        say "$1 failed ($status): $(tail -n 1 "$dir/err")"
        return 1
    fi
    awk -v rss="$(<"$dir/rss")" '{ print $1, $2 + $3, rss }' <<<"$times" >>"$dir/times.$1.${2##*/}"
}

# recorded CALLS: whether the store holds as many recordings.
recorded() {
    local found
    found=$(find "$store/recordings" -name call.wav 2>/dev/null | wc -l)
    [[ $found == "$1" ]] || say "sipreel left $found recordings of $1 calls: its figures mean nothing"
    [[ $found == "$1" ]]
}

# median COLUMN TOOL FILE
median() {
    cut -d ' ' -f "$1" "$dir/times.$2.${3##*/}" | sort -g |
        awk '{ at[NR] = $1 } END { print NR % 2 ? at[(NR + 1) / 2] : (at[NR / 2] + at[NR / 2 + 1]) / 2 }'
}

# anonymous TOOL FILE: the most anonymous memory that the tool held in one more run, untimed, in KiB.
anonymous() {
    local run peak=0 key value
    command_of "$1" "$2"
    rm -rf "$store"
    "${run[@]}" </dev/null >/dev/null 2>&1 &
    local pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        while read -r key value _; do
            if [[ $key == RssAnon: ]] && ((value > peak)); then peak=$value; fi
        done 2>/dev/null <"/proc/$pid/status" || true
        sleep 0.01
    done
    wait "$pid" || true
    echo "$peak"
}

mkdir -p "$dir"
rm -f "$dir"/times.*
capture main $calls $seconds 25
main=$dir/main.pcap
packets=$(<"$dir/main.packets")

# One run of each that is not counted finds out which tools there are.
tools=()
for tool in 'sipreel, 1 thread' 'sipreel' 'read loop' 'floor' 'tshark' 'sngrep'; do
    command_of "$tool" "$main"
    if ! command -v "${run[0]}" >/dev/null; then
        say "$tool is not installed: left out"
    elif measure "$tool" "$main" && { [[ $tool != sipreel* ]] || recorded $calls; }; then
        tools+=("$tool")
    else
        say "$tool: left out"
    fi
    rm -f "$dir/times.$tool.main.pcap"
done
for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds"
    for tool in "${tools[@]}"; do measure "$tool" "$main"; done
done

echo
echo "$calls calls of $seconds s: $packets packets, $(stat -c %s "$main") bytes; medians of $rounds rounds"
echo "store on $(stat -f -c %T "${store%/*}"); load average at the end $(cut -d ' ' -f 1-3 /proc/loadavg)"
echo
row='%-18s %12s %8s %14s %10s %10s %10s\n'
# shellcheck disable=SC2059
printf "$row" tool packets/s CPU-s packets/CPU-s max-RSS-MB anon-MB x-tshark
yardstick=0
[[ -e $dir/times.tshark.main.pcap ]] && yardstick=$(median 2 tshark main.pcap)
for tool in "${tools[@]}"; do
    awk -v row="$row" -v tool="$tool" -v packets="$packets" -v yardstick="$yardstick" \
        -v wall="$(median 1 "$tool" main.pcap)" -v cpu="$(median 2 "$tool" main.pcap)" \
        -v rss="$(median 3 "$tool" main.pcap)" -v anonymous="$(anonymous "$tool" "$main")" 'BEGIN {
        printf row, tool, sprintf("%d", packets / wall), sprintf("%.3f", cpu), sprintf("%d", packets / cpu),
            sprintf("%.1f", rss / 1024), sprintf("%.1f", anonymous / 1024),
            (yardstick > 0 ? sprintf("%.2f", yardstick / cpu) : "-")
    }'
done

if [[ -d /dev/shm ]] && room /dev/shm 800 2>/dev/null; then
    rm -rf "$store"
    store=/dev/shm/sipreel-bench-$$
    trap 'rm -rf "$store"' EXIT
fi

# The same 2000 calls, spread so that 20, 200 or all of them are up at once: as many packets and as many recordings, so
# that what a packet costs should be the same. A call of 10 s lasts about 11.1 s from its first message to its last.
echo
row='%-18s %13s %12s %14s %10s\n'
# shellcheck disable=SC2059
printf "$row" tool calls-at-once packets CPU-ns/packet x-20-calls
capture at-once-20 2000 10 555
capture at-once-200 2000 10 55
capture at-once-2000 2000 10 1
for tool in 'sipreel, 1 thread' 'sipreel' 'read loop'; do
    [[ " ${tools[*]/%/;} " == *" $tool; "* ]] || continue
    for ((round = 1; round <= rounds; round++)); do
        for at_once in 20 200 2000; do
            measure "$tool" "$dir/at-once-$at_once.pcap"
            [[ $tool != sipreel* ]] || recorded 2000
        done
    done
    least=0
    for at_once in 20 200 2000; do
        packets=$(<"$dir/at-once-$at_once.packets")
        cost=$(awk -v cpu="$(median 2 "$tool" "at-once-$at_once.pcap")" -v packets="$packets" \
            'BEGIN { printf "%.1f", cpu / packets * 1e9 }')
        [[ $at_once != 20 ]] || least=$cost
        awk -v row="$row" -v tool="$tool" -v at_once="$at_once" -v packets="$packets" -v cost="$cost" \
            -v least="$least" 'BEGIN { printf row, tool, at_once, packets, cost, sprintf("%.2f", cost / least) }'
    done
done
rm -rf "$store"
