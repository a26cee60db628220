# INGOT_EAGER=1 changes no bit of a training, INGOT_VERIFY=1 finds nothing wrong in one, and INGOT_DUMP
# prints plans.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

short=(--model lenet5 --data mnist --limit 64 --epochs 2 --workers 0)

check 0 ingot train "${short[@]}" --out normal
check 0 env INGOT_EAGER=1 "$INGOT_BIN" train "${short[@]}" --out eager
same normal/model.safetensors eager/model.safetensors
check 0 env INGOT_EAGER=0 "$INGOT_BIN" train "${short[@]}" --out off
same normal/model.safetensors off/model.safetensors
# The comparison can fail: another seed gives other weights.
check 0 env INGOT_EAGER=1 "$INGOT_BIN" train "${short[@]}" --out other --seed 7
if cmp -s normal/model.safetensors other/model.safetensors; then fail "the seed changes nothing"; fi

check 0 env INGOT_VERIFY=1 "$INGOT_BIN" train --model lenet5 --data mnist --limit 64 --epochs 1 \
  --out verified
[ -s verified/model.safetensors ] || fail "verified/model.safetensors is missing"

# INGOT_DUMP prints the plans of a training after the passes named, on stderr, and changes nothing.
once=(--model mlp --data mnist --limit 32 --epochs 1 --workers 0)
check 0 ingot train "${once[@]}" --out plain
[ ! -s "$err" ] || fail "something on stderr"
check 0 env INGOT_DUMP=group,memory "$INGOT_BIN" train "${once[@]}" --out dumped
same plain/model.safetensors dumped/model.safetensors
for pass in group memory; do grep -q "after $pass" "$err" || fail "no plan after $pass"; done
grep -q "after lower" "$err" && fail "a pass that was not named is printed"
grep -q "matmul\|linear" "$err" || fail "the plans of a training without a product"
check 1 env INGOT_DUMP=nothing "$INGOT_BIN" train "${once[@]}" --out x
says "INGOT_DUMP: there is no pass 'nothing'; there are expand, simplify, place, group,"
