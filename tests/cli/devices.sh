# ingot devices: the table and its JSON.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

check 0 ingot devices
for word in cpu cuda:0 mps built available float32 int64 best:; do prints "$word"; done
grep -q '^cpu  *yes  *yes' "$out" || fail "the cpu is not available"

check 0 ingot devices --json
for word in '"devices"' '"device": "cpu"' '"available": true' '"memory_total_bytes"' '"dtypes"'; do
  prints "$word"
done
cp "$out" shown.json
grep -q '^cpu' "$err" || fail "the table is not on stderr when stdout is JSON"

check 0 ingot devices --json file.json
grep -q '^cpu' "$out" || fail "no table"
grep -qF '"device": "cpu"' file.json || fail "no JSON in the file"
needs python3
for file in shown.json file.json; do
  python3 -m json.tool "$file" >/dev/null || fail "$file is no JSON"
done

check 1 ingot devices --json missing/file.json
says "missing/file.json: cannot write into the folder: No such file or directory"
one_line

# A device that is not there is a clear failure.
if ! grep -q '"device": "mps".*' shown.json; then fail "mps is not listed"; fi
if ! ingot devices 2>/dev/null | grep -q '^mps  *[a-z]*  *yes'; then
  check 1 ingot train --model lenet5 --data mnist --device mps
  says "device mps cannot be used: "
  one_line
  [ ! -e runs ] || fail "a run folder was made for a device that is not there"
fi

# The twins are shown to who asks for them, and are there when INGOT_TWIN says so.
check 0 ingot devices
if grep -q twin "$out"; then fail "a twin is listed without --all"; fi
check 0 ingot devices --all
for twin in twin:0 twin:1; do
  grep -q "^$twin  *yes  *no" "$out" || fail "$twin is not listed as built and not available"
done
prints "twin:0: not available: a device for tests; INGOT_TWIN=1 makes twin:0 and twin:1"
prints "host:0: not available: a device for tests; INGOT_HOST_DRIVER=1 makes host:0"
check 0 env INGOT_TWIN=1 "$INGOT_BIN" devices --all
grep -q '^twin:1  *yes  *yes' "$out" || fail "INGOT_TWIN=1 makes no twin:1"
grep -q '^best: twin' "$out" && fail "a twin is the best device"

# So is the host driver, which needs a compiler.
check 0 env INGOT_HOST_DRIVER=1 CXX=/no/such/compiler "$INGOT_BIN" devices --all
prints "host:0: not available: the compiler that CXX names, /no/such/compiler, does not run"

# Options that are wrong make no device, and say so in its row; all others are there.
check 0 env INGOT_HOST_DRIVER=fast INGOT_TWIN=nonsense "$INGOT_BIN" devices --all
prints "host:0: not available: "
prints "twin:0: not available: INGOT_TWIN: there is no 'nonsense'"
grep -q '^cpu  *yes  *yes' "$out" || fail "the cpu's row is gone"
check 0 env INGOT_TWIN=refuse=matmull "$INGOT_BIN" devices --all
prints "twin:0: not available: INGOT_TWIN: refuse: there is no op 'matmull'; did you mean matmul?"

# INGOT_DEVICE goes before.
check 0 env INGOT_DEVICE=CPU "$INGOT_BIN" devices
prints "best: cpu"
check 0 env INGOT_TWIN=1 INGOT_DEVICE=twin:1 "$INGOT_BIN" devices --all
prints "best: twin:1 (INGOT_DEVICE=twin:1)"
# The best device is listed, also one for tests.
check 0 env INGOT_TWIN=1 INGOT_DEVICE=twin "$INGOT_BIN" devices --json best.json
grep -q '^twin:0  *yes  *yes' "$out" || fail "the best device is not listed"
if grep -q '^twin:1' "$out"; then fail "another twin is listed without --all"; fi
prints "best: twin:0 (INGOT_DEVICE=twin)"
[ "$(grep -A 3 '"device": "twin:0"' best.json | grep -c '"best": true')" = 1 ] || fail "best.json: not the best"
check 1 env INGOT_DEVICE=gpu "$INGOT_BIN" devices
says "INGOT_DEVICE: unknown device 'gpu'"
one_line
check 1 env INGOT_DEVICE=twin "$INGOT_BIN" devices
says "INGOT_DEVICE: twin:0: a device for tests"
one_line

# What a device computes itself: the device is asked.
check 0 ingot devices --ops
for word in cpu float32 "k: a kernel" matmul softmax; do prints "$word"; done
grep -Eq '^matmul( +[-k]){9} +k$' "$out" || fail "the cpu has no kernel for matmul in float64"
if grep -q twin "$out"; then fail "a twin is listed without --all"; fi
check 0 env INGOT_TWIN=refuse=matmul+exp "$INGOT_BIN" devices --ops --device twin --json ops.json
grep -Eq '^matmul( +[-c]){9} +c$' "$out" || fail "the twin that lacks it has matmul"
grep -Eq '^add( +[-k]){9} +k$' "$out" || fail "the twin has no add"
if grep -q '^cpu' "$out"; then fail "--device twin lists the cpu"; fi
python3 - ops.json <<'EOF' || fail "ops.json"
import json, sys
ops = json.load(open(sys.argv[1]))["ops"]["twin:0"]
assert ops["matmul"]["float32"] == "cpu" and ops["add"]["int8"] == "kernel", ops["matmul"]
assert ops["gelu"]["int64"] == "not taken" and ops["reshape"]["bool"] == "view"
assert len(ops) > 150
EOF
check 0 env INGOT_TWIN=1 "$INGOT_BIN" devices --ops --all
for device in cpu twin:0 twin:1; do grep -q "^$device " "$out" || fail "no table of $device"; done
check 2 ingot devices --device cpu
says "devices: --device is for --ops"
check 1 ingot devices --ops --device mps
says "device mps cannot be used"
one_line
