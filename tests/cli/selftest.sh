# ingot selftest: a device against the reference, and its report.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

export INGOT_TWIN=1
check 0 ingot selftest --device twin:0 --json report.json
prints "device twin:0"
prints " agree with the reference; the largest difference in float32: "
if grep -q FAILED "$out"; then fail "the twin differs from the reference"; fi
needs python3
python3 - <<'PYTHON' || fail "the report does not say what was run"
import json
report = json.load(open("report.json"))
assert report["failures"] == 0 and len(report["results"]) > 800
whats = {r["what"] for r in report["results"]}
assert {"softmax", "sort", "conv2d_backward_weight", "three layers of a network"} <= whats
PYTHON

check 1 ingot selftest --device twin:0 --json missing/file.json
says "missing/file.json: cannot write into the folder: No such file or directory"
