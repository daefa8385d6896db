#!/usr/bin/env bash
# Checks a store with public tools alone: every signature by openssl (3.0 or later), the roots and every file by b3sum
# where that is installed. Usage: bash verify.sh STORE. Ends with 1 where something does not hold; verify.md tells more.
set -eu
store=${1:?the folder of a store}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

complain() {
    echo "$1" >&2
    bad=1
}

# The signature is over all of a line that stands before ,"sig":
check_line() {
    local body=${1%,\"sig\":\"*} digits=${1##*,\"sig\":\"} key
    digits=${digits%\"\}}
    key=${body##*,\"key\":\"}
    printf %s "$body" >"$work/body"
    printf %b "$(printf %s "$digits" | sed 's/../\\x&/g')" >"$work/sig"
    openssl pkeyutl -verify -pubin -inkey "$store/keys/${key%\"}.pem" -rawin -in "$work/body" -sigfile "$work/sig" \
        >/dev/null 2>&1 || complain "$2: a signature does not hold"
}

for log in "$store"/integrity/[0-9]*/*/*.log "$store"/integrity/roots.log; do
    [ -e "$log" ] || continue
    number=0
    while IFS= read -r line; do
        number=$((number + 1))
        check_line "$line" "$log, line $number"
    done <"$log"
done

if command -v b3sum >/dev/null; then
    # Each day's log is what its newest root was taken of.
    sed -n 's/^{"day":"\([0-9/]*\)".*"bytes":\([0-9]*\),"root":"\([0-9a-f]*\)".*/\1 \2 \3/p' \
        "$store/integrity/roots.log" | while read -r day bytes root; do
        [ "$(head -c "$bytes" "$store/integrity/$day.log" | b3sum --no-names)" = "$root" ] ||
            echo "integrity/$day.log: is not what its root was taken of"
    done >"$work/roots"
    [ ! -s "$work/roots" ] || complain "$(cat "$work/roots")"
else
    echo "b3sum is not installed: the roots and the files are not checked" >&2
fi
exit $bad
