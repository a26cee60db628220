# ingot train --profile: the table, the trace, and what is refused.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

quick=(--model mlp --data mnist --limit 200 --batch-size 20 --epochs 2 --workers 1)

check 0 ingot train "${quick[@]}" --out plain
[ ! -e plain/profile.json ] || fail "a profile that nobody asked for"
check 0 ingot train "${quick[@]}" --out run --profile --json result.json
prints "first step"
prints "19 other steps, median"
prints "GFLOP/s"
prints "linear "
prints "trainer.cpp:"
prints "profile    run/profile.json"
prints "test accuracy"
same plain/model.safetensors run/model.safetensors
grep -q '"profile": "run/profile.json"' result.json || fail "result.json does not name the profile"

if command -v python3 >/dev/null; then
  python3 - <<'PYTHON' || fail "profile.json is not what it should be"
import json
with open("run/profile.json") as file:
    trace = json.load(file)
events = trace["traceEvents"]
assert trace["otherData"]["events_left_out"] == 0
slices = [e for e in events if e["ph"] == "X"]
assert all({"name", "cat", "ts", "dur", "pid", "tid", "args"} <= e.keys() for e in slices)
steps = [e for e in slices if e["cat"] == "step"]
assert [e["name"] for e in steps] == [f"step {i}" for i in range(20)], steps
end = lambda e: e["ts"] + e["dur"]
ops = [e for e in slices if e["cat"] == "op"]
for op in ops:  # the pass over the test images is left out
    assert sum(s["ts"] - 0.01 <= op["ts"] and end(op) <= end(s) + 0.01 for s in steps) == 1, op
first = [op for op in ops if op["name"] == "linear" and op["args"]["FLOP"] == 2 * 20 * 784 * 256 + 20 * 256]
assert first, {(op["name"], op["args"].get("FLOP")) for op in ops if op["name"] == "linear"}
assert first[0]["args"]["shapes"].startswith("float32[20, 784], float32[256, 784]")
assert {"backward", "Optimizer::step"} <= {e["name"] for e in slices if e["cat"] == "range"}
memory = [e for e in events if e["ph"] == "C"]
assert memory and all(e["args"]["allocated"] > 0 for e in memory)
assert {e["name"] for e in events if e["ph"] == "M"} == {"process_name", "thread_name"}
PYTHON
fi

# Another file; a resumed run is profiled only if that is asked for again.
check 0 ingot train "${quick[@]}" --out other --profile trace.json
[ -s trace.json ] || fail "trace.json is missing"
[ ! -e other/profile.json ] || fail "the trace was written twice"
check 0 ingot train --out run --resume --epochs 3 --workers 0
if grep -q "other steps" "$out"; then fail "the resumed run was profiled unasked"; fi
check 0 ingot train --out run --resume --epochs 4 --profile
prints "9 other steps"
# A new run in the folder takes the old one's trace away.
check 0 ingot train "${quick[@]}" --out run --overwrite
[ ! -e run/profile.json ] || fail "the old run's profile is still there"

# With JSON on stdout the table is for stderr.
check 0 ingot train "${quick[@]}" --out json --profile --json
grep -q "other steps" "$err" || fail "no table on stderr"
if grep -q "other steps" "$out"; then fail "the table is in the JSON"; fi

# What cannot be written is found before the training.
check 1 ingot train "${quick[@]}" --out no1 --profile none/trace.json
says "none/trace.json"
one_line
[ ! -e no1/model.safetensors ] || fail "trained first"
mkdir folder
check 1 ingot train "${quick[@]}" --out no2 --profile folder
says "folder"
one_line
check 2 ingot train "${quick[@]}" --out plain --overwrite --profile plain/metrics.jsonl
says "--profile plain/metrics.jsonl would destroy the run's metrics.jsonl"
check 2 ingot train "${quick[@]}" --out no3 --json same.json --profile same.json
says "--profile same.json would destroy the file of --json"
