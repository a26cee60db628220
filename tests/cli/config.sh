# --config: options from a file of JSON; the command line wins.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

cat >run.json <<'JSON'
{"model": "MLP", "data": "mnist", "epochs": 2, "limit": 40, "workers": 0, "batch-size": 8, "skip-damaged": false,
 "scheduler": "multistep", "lr-milestones": [1, 2], "lr": 0.01, "clip-grad-norm": null}
JSON
check 0 ingot train --config run.json --out a --json a.json
check 0 ingot train --model mlp --data mnist --epochs 2 --limit 40 --workers 0 --batch-size 8 --scheduler multistep \
  --lr-milestones 1,2 --lr 0.01 --out b
same a/model.safetensors b/model.safetensors
# The command line wins, wherever it stands, lists too.
check 0 ingot train --lr-milestones=1 --epochs 1 --config=run.json --out c --json c.json
grep -q '"epochs": 1' c.json || fail "--epochs is the file's"
tr -d ' \n' <c.json | grep -q '"lr-milestones":\[1\]' || fail "--lr-milestones is the file's"
# What --json wrote is such a file.
check 0 ingot train --config a.json --out d
same a/model.safetensors d/model.safetensors
# Other commands have it, too.
echo '{"model": "lenet5", "batch-size": 4}' >check.json
check 0 ingot check --config check.json --device cpu
prints "lenet5 on cpu, batches of 4"
echo '{"models": ["mlp"], "batch-size": [2], "steps": 1, "images": 8, "devices": "cpu"}' >bench.json
check 0 ingot bench train --config bench.json --json times.json
grep -q '"batch_size": 2' times.json || fail "times.json: not in batches of 2"

# bad TEXT JSON: exit code 2, and the file is named.
bad() {
  echo "$2" >bad.json
  check 2 ingot train --config bad.json --out bad
  says "$1"
  grep -q "bad.json" "$err" || fail "the file is not named"
  one_line
  [ ! -e bad ] || fail "a run folder was made"
}
bad "--config bad.json: train has no option 'epoch'; did you mean epochs?" '{"epoch": 3}'
bad "--config bad.json: train has no option 'config'" '{"config": "x"}'
bad "the file is no JSON" '{"epochs": '
bad "not a JSON object of options" '[1, 2]'
bad "--config bad.json: epochs cannot be {" '{"epochs": {"a": 1}}'
bad "--config bad.json: epochs cannot be [" '{"epochs": [1, 2]}'
bad "--config bad.json: resume cannot be 1" '{"resume": 1}'
bad "--epochs: must be a whole number, 1 or more, not '0', in bad.json" '{"epochs": 0}'
bad "unknown model 'lenet6'" '{"model": "lenet6"}'
check 1 ingot train --config none.json
says "none.json: cannot read the options: "
one_line
check 1 ingot train --config .
check 2 ingot devices --config run.json
says "unknown argument '--config'"
# A resumed run is not changed by it any more than by the command line.
echo '{"batch-size": 4}' >other.json
check 2 ingot train --out a --resume --config other.json
says "--batch-size 4 cannot be changed by --resume: the run has 8"
