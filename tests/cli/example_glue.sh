#!/usr/bin/env bash
# The example learns which sentences deny others, and leaves a model that ingot glue
# evaluates.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"
example="$(cd "$(dirname "$INGOT_BIN")" && pwd)/examples/glue"

check 0 "$example"
prints "Total optimization steps = 60"
awk '/^accuracy / { found = $2 + 0 > 0.9 } END { exit !found }' "$out" || fail "it has not learnt"
prints "not_equivalent"
for file in config.json model.safetensors vocab.txt README.md; do
  [ -s "glue-example/out/$file" ] || fail "$file is missing"
done
