# ingot check: before step 0, whether a model trains on a device, what falls back, and the memory.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"
needs python3

check 0 ingot check --model lenet5 --device cpu
prints "lenet5 on cpu, batches of 32, images 1x28x28, adam"
prints "all of it runs on cpu"
prints "peak memory of cpu:"

check 0 env INGOT_TWIN=1 "$INGOT_BIN" check --model lenet5 --device twin --batch-size 16 --json whole.json
prints "all of it runs on twin:0"

# What the device lacks, training and measuring: a code of its own.
check 3 env INGOT_TWIN=refuse=conv2d+argmax "$INGOT_BIN" check --model lenet5 --device twin --json some.json
prints "conv2d on float32[32, 1, 28, 28]: falls back to the cpu, 2 times a step"
prints "argmax on float32[32, 10]: falls back to the cpu"
[ ! -s "$err" ] || fail "a warning of something that has not happened"
check 3 env INGOT_TWIN=refuse=batch_norm_eval+rsqrt "$INGOT_BIN" check --model resnet18 --image-size 64 --batch-size 2 --device twin
prints "batch_norm_eval (its rsqrt)"

# Refused, or too little memory: it cannot run.
check 1 env INGOT_FALLBACK=error INGOT_TWIN=refuse=conv2d "$INGOT_BIN" check --model lenet5 --device twin --json refused.json
prints "conv2d on float32[32, 1, 28, 28]: refused (INGOT_FALLBACK=error)"
check 1 env INGOT_TWIN=memory=1000000 "$INGOT_BIN" check --model lenet5 --device twin --json short.json
prints "twin:0 has only"
# The largest model in the largest batches: nothing is computed, so it costs no memory here.
check 1 env INGOT_TWIN=1 "$INGOT_BIN" check --model vgg16 --batch-size 1000000 --device twin
prints "twin:0 has only"

python3 - <<'EOF' || fail "the JSON"
import json
whole, some, refused, short = (json.load(open(f + ".json")) for f in ("whole", "some", "refused", "short"))
assert not short["can_run"] and not short["fits_in_memory"] and whole["fits_in_memory"]
assert whole["can_run"] and whole["stays_on_device"] and whole["operations"] == []
n = 61706 * 4
assert whole["parameter_bytes"] == whole["gradient_bytes"] == n, whole
assert whole["optimizer_bytes"] == 2 * n and whole["peak_bytes"] > 4 * n + whole["temporary_bytes"]
assert some["can_run"] and not some["stays_on_device"]
conv = [o for o in some["operations"] if o["operation"] == "conv2d"][0]
assert conv["count"] == 2 and conv["copied_bytes"] > 0 and not conv["refused"], conv
assert sum(o["copied_bytes"] for o in some["operations"]) <= some["copied_bytes"]
assert not refused["can_run"] and refused["operations"][0]["refused"]
EOF

# What it says is what happens: with a little less than the peak a training runs out of memory.
peak=$(python3 -c 'import json; print(json.load(open("whole.json"))["peak_bytes"])')
train=(train --model lenet5 --data mnist --limit 64 --batch-size 16 --epochs 1 --device twin --workers 0)
check 0 env INGOT_TWIN=sync,memory=$((peak + peak / 10)) "$INGOT_BIN" "${train[@]}" --out fits
check 1 env INGOT_TWIN=sync,memory=$((peak - peak / 10)) "$INGOT_BIN" "${train[@]}" --out small
says "twin:0: cannot allocate"

check 1 ingot check --model lenet5 --device twin
says "device twin:0 cannot be used"
one_line
check 2 ingot check --model lenet5 --image-size 5
says "lenet5 does not take images of 5x5"
check 2 ingot check
says "check: --model is required"
