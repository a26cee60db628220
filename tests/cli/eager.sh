# INGOT_EAGER=1 changes no bit of a training, and INGOT_VERIFY=1 finds nothing wrong in one.
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
