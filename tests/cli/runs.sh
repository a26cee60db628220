# ingot eval RUN and ingot runs: what a run saved is measured again and compared.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"
: "${INGOT_EDIT_FILE:?}"

quick=(--model mlp --data mnist --limit 200 --workers 0 --batch-size 8)
check 0 ingot train "${quick[@]}" --epochs 2 --out runs/plain
check 0 ingot train "${quick[@]}" --epochs 3 --lr 0.01 --keep-best val_accuracy --out runs/more/best
check 0 ingot train "${quick[@]}" --model lenet5 --epochs 1 --seed 3 --val-split 0.2 --out runs/split

# measured KEY FILE: the value of the last line that has it.
measured() { grep -o "\"$1\":[^,}]*" "$2" | tail -n 1 | cut -d: -f2 | xargs printf '%.6f'; }
found() { grep -o '"loss": [0-9.e-]*' "$out" | cut -d' ' -f2 | xargs printf '%.6f'; }

# -- The data, their limit and the share that was split off are the run's.
check 0 ingot eval runs/plain --json
[ "$(found)" = "$(measured test_loss runs/plain/metrics.jsonl)" ] || fail "plain: another loss than in training"
prints '"count": 200'
check 0 ingot eval runs/split --split val --json
[ "$(found)" = "$(measured val_loss runs/split/metrics.jsonl)" ] || fail "split: another loss than in training"
check 0 ingot eval runs/split/checkpoint.safetensors --split val --json
[ "$(found)" = "$(measured val_loss runs/split/metrics.jsonl)" ] || fail "checkpoint: another loss"
check 0 ingot eval runs/split --json
prints '"split": "test"'
check 0 ingot eval runs/split --val-split 0.5 --limit 50 --json
prints '"split": "val"'
prints '"count": 50'
check 0 ingot eval runs/more/best --json
prints '"weights": "runs/more/best/best.safetensors"'
check 0 ingot eval runs/plain --data mnist --json
prints '"count": 1000'
check 2 ingot eval
says "eval: RUN is required"
check 2 ingot eval runs/plain --weights runs/plain/model.safetensors
says "RUN and --weights exclude each other"
cp runs/plain/model.safetensors alone.safetensors
check 2 ingot eval alone.safetensors
says "--data is required: there is no run beside alone.safetensors"
check 1 ingot eval runs
says "runs: no run folder"
cp -r runs/plain odd
"$INGOT_EDIT_FILE" odd/checkpoint.safetensors option limit '"many"' || fail "edit_file"
check 1 ingot eval odd
says 'its options are damaged: --limit is "many"'
head -c 100 runs/plain/checkpoint.safetensors >odd/checkpoint.safetensors
check 1 ingot eval odd
says "odd/checkpoint.safetensors"

# -- The list.
check 0 ingot runs --sort name --json list.json
for word in "runs/plain" "runs/more/best" "runs/split" "val_accuracy" "test_accuracy" "2 of 2" "3 of 3" "seed=3" \
  "lr=0.01" "keep-best=val_accuracy" "cpu"; do
  prints "$word"
done
if grep -q "batch-size=" "$out"; then fail "an option in which the runs agree is shown"; fi
python3 - list.json <<'PYTHON' || fail "list.json"
import json, sys
found = json.load(open(sys.argv[1]))
assert [r["run"] for r in found["runs"]] == ["runs/more/best", "runs/plain", "runs/split"], found
assert {"lr", "seed", "keep-best"} <= set(found["differing"]) and "batch-size" not in found["differing"], found
for run in found["runs"]:
    rows = [json.loads(line) for line in open(run["run"] + "/metrics.jsonl")]
    best = max(row[run["metric"]] for row in rows if run["metric"] in row)
    assert run["best"] == best, (run, best)
    assert run["epochs_done"] == run["options"]["epochs"], run
PYTHON
check 0 ingot runs --sort best
check 0 ingot runs runs/more
[ "$(wc -l <"$out")" = 2 ] || fail "not one run"
check 0 ingot runs runs/plain
prints "runs/plain"
# A run of an older Ingot lacks options: they are as usual.
"$INGOT_EDIT_FILE" runs/plain/checkpoint.safetensors option seed - || fail "edit_file"
check 0 ingot runs
prints "seed=0"
# What cannot be read is named, and keeps nothing else from being shown.
mkdir runs/early && echo '{"epoch": 0.1}' >runs/early/metrics.jsonl
cp -r odd runs/odd
check 0 ingot runs --json list.json
prints "unread     runs/early: checkpoint.safetensors is missing"
prints "unread     runs/odd/checkpoint.safetensors"
prints "runs/split"
[ "$(grep -c '"error"' list.json)" = 2 ] || fail "list.json: not two errors"
mkdir none
check 0 ingot runs none
prints "none: no runs"
check 1 ingot runs nowhere
says "nowhere: no such folder"
check 2 ingot runs --sort size
says "unknown order 'size'; there are: best, date, name"
