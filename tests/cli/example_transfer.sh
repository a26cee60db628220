#!/usr/bin/env bash
# A new head on fixed layers learns from 50 images what a fresh network does not; weights that are
# given, instead of made, give the same; a file for another model is refused. A model whose head is a
# convolution goes through as well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
example="$(cd "$(dirname "$INGOT_BIN")" && pwd)/examples/transfer"
cd "$folder"
out=$("$example")
echo "$out"
grep -q "^no weights given: trained a lenet5" <<<"$out"
grep -q "^loaded 8 tensors" <<<"$out"
grep -qF "not loaded: fc3.weight: [10, 84] in the file, [2, 84] here" <<<"$out"
percent() { sed -n "s/^$1 *\([0-9.]*\) %\$/\1/p" <<<"$out"; }
head=$(percent 'new head on fixed layers')
scratch=$(percent 'for comparison, from scratch')
awk -v h="$head" -v s="$scratch" 'BEGIN { exit !(h > 85 && h > s) }'
test -s lenet5-even-odd.safetensors

out=$("$example" lenet5 lenet5-digits.safetensors)
if grep -q "no weights given" <<<"$out"; then exit 1; fi
awk -v h="$(percent 'new head on fixed layers')" 'BEGIN { exit !(h > 85) }'

if "$example" mlp lenet5-digits.safetensors 2>err; then
  echo "weights of another model went through" >&2
  exit 1
fi
grep -q '^transfer: ' err

"$INGOT_BIN" train --model squeezenet1_1 --data mnist --limit 20 --epochs 1 --image-size 32 --out squeeze >/dev/null
out=$("$example" squeezenet1_1 squeeze/model.safetensors 32)
echo "$out"
grep -qF "not loaded: classifier.1.weight: [10, 512, 1, 1] in the file, [2, 512, 1, 1] here" <<<"$out"
test -n "$(percent 'new head on fixed layers')"
test -s squeezenet1_1-even-odd.safetensors
