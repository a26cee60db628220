#!/usr/bin/env bash
# The README's program: trains on the embedded digits and writes weights that the command reads.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
example="$(cd "$(dirname "$INGOT_BIN")" && pwd)/examples/mnist"
cd "$folder"
out=$("$example")
echo "$out"
first=$(sed -n 's/^epoch 1  loss //p' <<<"$out")
last=$(sed -n 's/^epoch 3  loss //p' <<<"$out")
awk -v a="$first" -v b="$last" 'BEGIN { exit !(b > 0 && b < 0.6 * a) }'
test -s net.safetensors

if "$example" /nowhere 2>err; then
  echo "a missing folder went through" >&2
  exit 1
fi
grep -q '^mnist: .*nowhere' err
