# ingot train and eval on the embedded images: what they print and leave behind.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

quick=(--model mlp --data mnist --limit 200 --epochs 2 --workers 1)

check 0 ingot train "${quick[@]}" --out run --json result.json
prints "mlp, 235,146 parameters"
prints "200 training and 200 test images as 1x28x28"
prints "epoch 2/2"
prints "test accuracy"
for file in checkpoint.safetensors model.safetensors metrics.jsonl curves.png; do
  [ -s "run/$file" ] || fail "run/$file is missing"
  prints "run/$file"
done
[ "$(ls -A run | wc -l)" = 4 ] || fail "the run folder holds something else"
[ "$(grep -c test_accuracy run/metrics.jsonl)" = 2 ] || fail "metrics.jsonl: not two epochs"
[ "$(head -c 4 run/curves.png | tail -c 3)" = PNG ] || fail "curves.png is no picture"
grep -q '"state": "finished"' result.json || fail "result.json: not finished"
needs python3
python3 - <<'PYTHON' || fail "metrics.jsonl or result.json is not what it should be"
import json
rows = [json.loads(line) for line in open("run/metrics.jsonl")]
ends = [row for row in rows if "test_accuracy" in row]
result = json.load(open("result.json"))
assert [row["epoch"] for row in ends] == [1, 2], ends
assert result["epochs"] == ends
assert result["options"]["model"] == "mlp" and result["options"]["lr"] > 0
assert all(0 <= row["train_accuracy"] <= 1 and row["train_loss"] > 0 for row in rows)
assert ends[1]["train_loss"] < ends[0]["train_loss"]
PYTHON

# eval finds what the last test of the training found, from either file.
accuracy=$(tail -n 1 run/metrics.jsonl | sed 's/.*"test_accuracy":\([0-9.e-]*\).*/\1/')
for file in model checkpoint; do
  check 0 ingot eval --model mlp --weights run/$file.safetensors --data mnist --limit 200 --json
  prints "\"accuracy\": $accuracy"
  prints '"count": 200'
  grep -q "accuracy .* of 200" "$err" || fail "no line for people on stderr"
done

# The same seed gives the same weights, however many workers there are; another one does not.
check 0 ingot train "${quick[@]}" --out again --workers 0
same run/model.safetensors again/model.safetensors
check 0 ingot train "${quick[@]}" --out other --seed 7
if cmp -s run/model.safetensors other/model.safetensors; then fail "the seed changes nothing"; fi

# Every optimizer learns something.
for optimizer in sgd adam adamw; do
  check 0 ingot train "${quick[@]}" --out $optimizer --optimizer $optimizer
  tail -n 1 $optimizer/metrics.jsonl |
    awk -F'"test_accuracy":' '{ split($2, v, ","); exit !(v[1] > 0.3) }' ||
    fail "$optimizer learns nothing"
done

# A folder that holds a run is not overwritten by accident.
check 2 ingot train "${quick[@]}" --out run
says "run holds a run; --resume goes on with it, --overwrite starts again"
same run/model.safetensors again/model.safetensors
check 0 ingot train "${quick[@]}" --out run --overwrite --seed 7
same run/model.safetensors other/model.safetensors

# Without --out the folder is named after model and time.
check 0 ingot train --model mlp --data mnist --limit 64 --epochs 1
ls runs/mlp-*/model.safetensors >/dev/null || fail "no default run folder"

# Weights of another model are refused by name; anything else with every key.
check 1 ingot eval --model lenet5 --weights run/model.safetensors --data mnist
says "run/model.safetensors: these are weights of model mlp, not lenet5"
check 1 ingot eval --model mlp --weights run/none.safetensors --data mnist
says "run/none.safetensors: cannot read the file: No such file or directory"
one_line

# A last batch of one image: batch normalization has nothing to go by where it sees one value.
check 2 ingot train --model resnet18 --image-size 32 --data mnist --limit 7 --batch-size 3 --out single
says "7 images in batches of 3 leave the last batch a single image, on which resnet18 cannot be trained"
says "choose another --batch-size or --limit, or a larger --image-size"
one_line
[ ! -e single ] || fail "a run folder was made for a run that cannot end its first epoch"
check 0 ingot train --model mlp --data mnist --limit 7 --batch-size 3 --epochs 1 --workers 0 --out single

# A number that is none has no sign.
check 0 ingot train "${quick[@]}" --out run --overwrite
cat >nan.py <<'PY'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
length = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + length])
header.pop("__metadata__")
body = bytearray(data[8 + length:])
name = next(name for name in header if name.endswith("bias"))
begin = header[name]["data_offsets"][0]
body[begin:begin + 4] = struct.pack("<I", 0xFFC00000)  # NaN with its sign set
text = json.dumps(header).encode()
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + body)
PY
needs python3
python3 nan.py run/model.safetensors nan.safetensors
check 1 ingot eval --model mlp --weights nan.safetensors --data mnist --limit 10
says "NaN"
