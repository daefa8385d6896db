#!/usr/bin/env bash
# Checks this bundle with public tools alone: that its files came over whole (sha256sum), that what was signed of them was
# signed by the keys beside this script (openssl 3.0 or later), and that the files are what was signed (b3sum, where it is
# installed). Ends with 1 where something does not hold. Hold the keys against those that the sender gave you another way.
set -eu
proofs=$(cd "$(dirname "$0")" && pwd)
bundle=$(dirname "$proofs")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

complain() {
    echo "$1" >&2
    bad=1
}

(cd "$bundle" && sha256sum --quiet -c SHA256SUMS) || complain "a file is not as it was handed over"

# A signature is over all of a line that stands before ,"sig":
check_line() {
    local body=${1%,\"sig\":\"*} digits=${1##*,\"sig\":\"} key
    digits=${digits%\"\}}
    key=${body##*,\"key\":\"}
    printf %s "$body" >"$work/body"
    printf %b "$(printf %s "$digits" | sed 's/../\\x&/g')" >"$work/sig"
    openssl pkeyutl -verify -pubin -inkey "$proofs/${key%\"}.pem" -rawin -in "$work/body" -sigfile "$work/sig" \
        >/dev/null 2>&1 || complain "$2: a signature does not hold"
}

number=0
while IFS= read -r line; do
    number=$((number + 1))
    check_line "$line" "statements.jsonl, line $number"
    call=$(printf %s "$line" | sed -n 's/^{"call":"\([^"]*\)".*/\1/p')
    # The newest word on a file is the one that counts.
    printf %s "$line" | grep -o '"name":"[^"]*","bytes":[0-9]*,"blake3":"[0-9a-f]*"' |
        sed "s|\"name\":\"\(.*\)\",\"bytes\":[0-9]*,\"blake3\":\"\(.*\)\"|$call \1 \2|" >>"$work/signed" || true
done <"$proofs/statements.jsonl"

if ! command -v b3sum >/dev/null; then
    echo "b3sum is not installed: the files are not held against what was signed of them" >&2
elif [ -s "$work/signed" ]; then
    tac "$work/signed" | awk '!seen[$1 " " $2]++' | while read -r call name hash; do
        file=$call/$name
        [ -d "$bundle/$call" ] || file=$name
        # What was made over for this bundle, or left out, is told in manifest.json.
        grep -qxF "$file" "$proofs/as-signed.txt" || continue
        [ "$(b3sum --no-names "$bundle/$file")" = "$hash" ] || echo "$file: is not what was signed"
    done >"$work/differs"
    [ ! -s "$work/differs" ] || complain "$(cat "$work/differs")"
fi
[ $bad -ne 0 ] || echo "everything holds: $number statements"
exit $bad
