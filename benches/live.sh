#!/usr/bin/env bash
# Measures `sipreel record` on an interface: a veth pair between two network namespaces, tcpreplay at the far end. As root; it
# wants iproute2, tcpdump and tcpreplay. Sender and recorder share the machine, as they do not where it matters.
#
#   1. The yardstick: the highest rate at which `tcpdump -w /dev/null` on the same interface loses nothing.
#   2. `sipreel record` at 70 % of it: packets sent = attached + refused by reason + dropped by owner, to the packet.
#   3. CALLS calls at once for MINUTES minutes: drops, memory after two minutes and at the end, CPU, and the bytes written to
#      the disk for each byte of recordings.
#
#   SIPREEL_BENCH_DIR   where captures and recordings go (default target/bench)
#   SIPREEL             the binary to measure (default: built here)
#   CALLS, MINUTES      what the third part has (default 1000 and 10)
#   PARTS               which parts run (default "1 2 3"; 2 wants 1)
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

dir=${SIPREEL_BENCH_DIR:-target/bench}
built=${CARGO_TARGET_DIR:-target}/release
calls=${CALLS:-1000}
minutes=${MINUTES:-10}
parts=${PARTS:-1 2 3}
space=sipreel-bench-$$

say() { echo "$*" >&2; }
for tool in ip tcpdump tcpreplay; do
    command -v "$tool" >/dev/null || { say "$tool is missing: apt-get install iproute2 tcpdump tcpreplay"; exit 1; }
done
[[ $(id -u) -eq 0 ]] || { say "only root may make network namespaces"; exit 1; }
mkdir -p "$dir"
store=$dir/live-store
if [[ -z ${SIPREEL:-} ]]; then
    say "building"
    cargo build --release --quiet -p recorder
    SIPREEL=$built/sipreel
fi
[[ -x $built/make-capture ]] || cargo build --release --quiet -p benches --bins

end() {
    ip netns pids "$space" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns del "$space" 2>/dev/null || true
    ip netns del "$space-far" 2>/dev/null || true
}
trap end EXIT
ip netns add "$space"
ip netns add "$space-far"
ip link add near netns "$space" type veth peer name far netns "$space-far"
for link in "$space near" "$space-far far"; do
    read -r where name <<<"$link"
    ip netns exec "$where" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null || true
    ip -n "$where" link set "$name" mtu 9000 up
done

# It goes first: a sender that is held up measures itself.
send() { ip netns exec "$space-far" nice -n -10 tcpreplay --preload-pcap -q -i far "$@" 2>&1; }

# of NAME: the value of a metric in $dir/live-metrics.txt, all labels together.
of() { awk -v name="$1" '$1 ~ "^" name "({|$)" { sum += $2 } END { print sum + 0 }' "$dir/live-metrics.txt"; }

capture=$dir/live.pcap
say "making $capture"
"$built/make-capture" --calls 200 --seconds 30 --stagger-ms 25 --out "$capture" | {
    read -r packets _
    echo "$packets" >"$dir/live.packets"
}
packets=$(cat "$dir/live.packets")

# yard RATE: how many of the packets tcpdump gets at that rate.
yard() {
    ip netns exec "$space" tcpdump -i near -B 65536 -w /dev/null 2>"$dir/yard.log" &
    local pid=$!
    sleep 1
    send --pps "$1" "$capture" >"$dir/send.log"
    sleep 1
    kill -INT "$pid"
    wait "$pid" || true
    awk '/packets captured/ { print $1 }' "$dir/yard.log"
}

if [[ $parts == *1* ]]; then
    low=0
    for rate in 50000 100000 150000 200000 250000 300000 400000 500000 600000; do
        got=$(yard "$rate")
        sent=$(sed -n 's/^Rated:.*, \([0-9.]*\) pps$/\1/p' "$dir/send.log")
        say "tcpdump at $rate packets/s (sent at $sent): $got of $packets"
        ((got >= packets)) || break
        # The sender may not go as fast as it was asked to.
        low=${sent%.*}
        ((low * 10 >= rate * 9)) || break
    done
    echo "yardstick: $low packets/s without loss"
    echo "$low" >"$dir/yardstick"
fi

# record SENDER...: runs the recorder while the sender sends; its figures go to $dir/record.csv, a line a second.
record() {
    rm -rf "$store"
    mkdir -p "$store"
    ip netns exec "$space" "$SIPREEL" record -i near -q --keep all --store "$store" --metrics "$dir/live-metrics.txt" \
        --selftest-interval 0 2>"$dir/record.log" &
    local pid=$! begun written
    sleep 2
    begun=$(date +%s.%N)
    "$@" >"$dir/send.log" &
    local sender=$!
    : >"$dir/record.csv"
    while kill -0 "$sender" 2>/dev/null; do
        sleep 1
        awk -v at="$(date +%s.%N)" -v begun="$begun" '/^(VmRSS|VmHWM|RssFile)/ { of[$1] = $2 } END { printf "%.0f,%d,%d,%d\n", at - begun, of["VmRSS:"], of["RssFile:"], of["VmHWM:"] }' \
            "/proc/$pid/status" >>"$dir/record.csv" 2>/dev/null || true
    done
    sleep 3
    awk '{ print ($14 + $15) / 100 }' "/proc/$pid/stat" >"$dir/record.cpu"
    kill -INT "$pid"
    while kill -0 "$pid" 2>/dev/null; do
        sed -n 's/^write_bytes: //p' "/proc/$pid/io" >"$dir/record.io.new" 2>/dev/null && mv "$dir/record.io.new" "$dir/record.io"
        sleep 0.1
    done
    wait "$pid" || true
}

account() {
    local sent=$1 seen dropped
    seen=$(of sipreel_capture_packets_total)
    dropped=$(of sipreel_capture_dropped_packets_total)
    echo "sent $sent = seen $seen + dropped $dropped$( ((sent == seen + dropped)) || echo ' (they differ)')"
    echo "calls seen $(of sipreel_calls_seen_total), in outcomes $(of sipreel_calls_total); RTP packets by disposition:"
    grep '^sipreel_rtp_packets_total' "$dir/live-metrics.txt" | grep -v ' 0$' | sed 's/^/    /' || true
    echo "CPU $(cat "$dir/record.cpu") s while it was sent; memory at most $(awk -F, '{ if ($4 > most) most = $4 } END { print most / 1024 }' "$dir/record.csv") MiB"
}

if [[ $parts == *2* ]]; then
    rate=$(($(cat "$dir/yardstick") * 7 / 10))
    say "record at $rate packets/s"
    record send --pps "$rate" --loop 5 "$capture"
    echo "at 70 % of the yardstick, $rate packets/s: $(sed -n 's/^Rated: //p' "$dir/send.log")"
    account $((packets * 5))
fi

if [[ $parts == *3* ]]; then
    say "making $calls calls of $minutes minutes"
    "$built/make-capture" --calls "$calls" --seconds $((minutes * 60)) --stagger-ms 10 --out "$dir/many.pcap" >"$dir/many.packets"
    read -r many _ <"$dir/many.packets"
    # So much is not preloaded: it comes from the disk, by its own times.
    record ip netns exec "$space-far" nice -n -10 tcpreplay -q -i far "$dir/many.pcap"
    echo "$calls calls at once for $minutes minutes: $(sed -n 's/^Rated: //p' "$dir/send.log")"
    account "$many"
    awk -F, '$1 >= 120 && !early { early = $2 } { late = $2 } END { print "memory after two minutes " early / 1024 " MiB, at the end " late / 1024 " MiB" }' "$dir/record.csv"
    final=$(du -sb "$store/recordings" | cut -f1)
    echo "written to the disk $(cat "$dir/record.io") octets, recordings $final octets: $(awk -v w="$(cat "$dir/record.io")" -v f="$final" 'BEGIN { print w / f }') a byte"
fi
