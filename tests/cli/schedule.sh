# ingot train: schedules, clipping, the best weights, early stopping, TensorBoard; resuming.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

quick=(--model mlp --data mnist --limit 60 --workers 0 --batch-size 30)

# rates FOLDER: the learning rate of every epoch.
rates() {
  grep -E "(val|test)_accuracy" "$1/metrics.jsonl" | sed 's/.*"lr":\([0-9.e-]*\).*/\1/' | tr '\n' ' '
}
expect_rates() {
  [ "$(rates "$1")" = "$2 " ] || fail "$1: learning rates are $(rates "$1"), not $2"
}

check 0 ingot train "${quick[@]}" --epochs 4 --out step --lr 0.01 --scheduler step --lr-step 2 --lr-gamma 0.5
prints "schedule   step"
expect_rates step "0.01 0.01 0.005 0.005"
check 0 ingot train "${quick[@]}" --epochs 3 --out warm --lr 0.01 --scheduler linear --warmup-epochs 1
expect_rates warm "0.001 0.01 0.005"
check 0 ingot train "${quick[@]}" --epochs 4 --out multi --lr 0.5 --optimizer sgd --scheduler multistep \
  --lr-milestones 1,3 --lr-gamma 0.5 --momentum 0 --weight-decay 0.001 --clip-grad-norm 0.1
expect_rates multi "0.5 0.25 0.25 0.125"
for scheduler in exponential cosine onecycle plateau; do
  check 0 ingot train "${quick[@]}" --epochs 2 --out $scheduler --scheduler $scheduler --optimizer rmsprop
done

# A run that is stopped after two epochs and resumed gives the same bits, whatever drives it.
for scheduler in cosine onecycle plateau; do
  options=(--scheduler $scheduler --keep-best val_loss --early-stopping 3
    --clip-grad-norm 1 --optimizer adagrad)
  length=(--scheduler-epochs 4)
  if [ $scheduler = plateau ]; then
    options+=(--lr-patience 0)
    length=()
  fi
  check 0 ingot train "${quick[@]}" "${options[@]}" --epochs 4 --out whole-$scheduler
  check 0 ingot train "${quick[@]}" "${options[@]}" --epochs 2 ${length[@]+"${length[@]}"} \
    --out parts-$scheduler
  check 0 ingot train --out parts-$scheduler --resume --epochs 4
  for file in model best; do
    same whole-$scheduler/$file.safetensors parts-$scheduler/$file.safetensors
  done
  [ "$(rates whole-$scheduler)" = "$(rates parts-$scheduler)" ] || fail "$scheduler: other rates"
done

# The metrics have the learning rate that a step was taken with, not the next one's: the cycle begins
# at a 25th of --lr.
check 0 ingot train "${quick[@]}" --epochs 1 --batch-size 60 --out first --scheduler onecycle \
  --scheduler-epochs 4 --lr 0.25
expect_rates first 0.010000000000000009

# A schedule that has come to its end is none for more epochs.
for scheduler in cosine onecycle linear; do
  check 0 ingot train "${quick[@]}" --epochs 2 --out over-$scheduler --scheduler $scheduler
  check 2 ingot train --out over-$scheduler --resume --epochs 3
  says "--epochs 3: the $scheduler schedule of this run ends with epoch 2; start with --scheduler-epochs"
  one_line
  check 0 ingot train --out over-$scheduler --resume
  prints "nothing to do"
done
check 0 ingot train --out step --resume --epochs 5
# Where it was asked for, the last rate holds.
check 0 ingot train "${quick[@]}" --epochs 3 --out beyond --lr 0.01 --scheduler linear --scheduler-epochs 1
expect_rates beyond "0.01 0.0 0.0"
check 0 ingot train --out beyond --resume --epochs 4

# A learning rate that ruins the weights: the first epoch stays the best, and the run ends early.
check 0 ingot train "${quick[@]}" --epochs 9 --out early --optimizer sgd --lr 1e-9 --lr-decay 0 \
  --early-stopping 2 --monitor val_accuracy --keep-best val_accuracy --json early.json
prints "60 training and 60 validation images"
prints "the validation images are split off the training images (--val-split 0.1)"
prints "test images were not looked at: ingot eval --split test does"
prints "stopped early: no better val_accuracy for 2 epochs"
prints "best       early/best.safetensors (epoch 1)"
[ "$(grep -c val_accuracy early/metrics.jsonl)" = 3 ] || fail "early: not three epochs"
grep -q '"stopped_early": true' early.json || fail "early.json: not stopped early"
check 0 ingot train --out early --resume
prints "nothing to do"
grep -q test_ early/metrics.jsonl && fail "early: the test images were looked at"
accuracy=$(head -n 20 early/metrics.jsonl | grep val_accuracy | head -n 1 |
  sed 's/.*"val_accuracy":\([0-9.e-]*\).*/\1/')
check 0 ingot eval --model mlp --weights early/best.safetensors --data mnist --limit 60 --json \
  --split val --val-split 0.1
prints "\"accuracy\": $accuracy"

# Event files, in the run folder or elsewhere; --overwrite removes the old ones.
events() { find "$1" -name 'events.out.tfevents.*' | wc -l; }
check 0 ingot train "${quick[@]}" --epochs 1 --out board --tensorboard
[ "$(events board/tensorboard)" = 1 ] || fail "no event file"
grep -q "loss/test" board/tensorboard/events* || fail "the event file lacks the test loss"
# TensorBoard's own reader finds what the metrics say. scripts/setup.sh --tests installs it.
reader=""
for python in "$INGOT_SOURCE_DIR/.cache/tensorboard/bin/python" python3; do
  if command -v "$python" >/dev/null && "$python" -c "import tensorboard" 2>/dev/null; then
    reader=$python
    break
  fi
done
[ -n "$reader" ] || [ -z "${INGOT_REQUIRE_ALL-}" ] ||
  fail "TensorBoard is missing; scripts/setup.sh --tests installs it"
if [ -n "$reader" ]; then
  check 0 "$reader" - board <<'PYTHON'
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = EventAccumulator(sys.argv[1] + "/tensorboard")
found.Reload()
wanted = {}
for row in map(json.loads, open(sys.argv[1] + "/metrics.jsonl")):
    ends = "test_loss" in row
    values = {"learning_rate": row["lr"], "loss/train" + "_epoch" * ends: row["train_loss"],
              "accuracy/train" + "_epoch" * ends: row["train_accuracy"]}
    if ends:
        values |= {"loss/test": row["test_loss"], "accuracy/test": row["test_accuracy"]}
    for tag, value in values.items():
        wanted.setdefault(tag, []).append((row["step"], value))
assert "loss/test" in wanted
assert set(wanted) <= set(found.Tags()["scalars"]), found.Tags()
for tag, points in wanted.items():
    read = [(e.step, e.value) for e in found.Scalars(tag)]
    assert [step for step, _ in read] == [step for step, _ in points], (tag, read, points)
    for (_, a), (_, b) in zip(read, points):
        assert abs(a - b) <= 1e-6 * max(abs(b), 1e-30), (tag, read, points)
print(sum(map(len, wanted.values())), "scalars read by TensorBoard")
PYTHON
  cat "$out"
else
  echo "left out: reading event files with TensorBoard, which is missing"
fi
check 0 ingot train --out board --resume --epochs 2
[ "$(events board/tensorboard)" = 2 ] || fail "the resumed run has no event file of its own"
check 0 ingot train "${quick[@]}" --epochs 1 --out board --tensorboard --overwrite
[ "$(events board/tensorboard)" = 1 ] || fail "event files of the old run are left"
check 0 ingot train "${quick[@]}" --epochs 1 --out elsewhere --tensorboard logs/a
[ "$(events logs/a)" = 1 ] && [ ! -e elsewhere/tensorboard ] || fail "--tensorboard DIR"

# What cannot be.
bad() {
  check 2 ingot train "${quick[@]}" --out bad "$@"
  [ ! -e bad ] || fail "$last: a folder was made"
}
bad --scheduler warp
says "unknown scheduler 'warp'; there are: step, multistep"
bad --scheduler multistep
says "--scheduler multistep needs --lr-milestones"
bad --scheduler multistep --lr-milestones 3,1
says "--lr-milestones must ascend"
bad --scheduler step --lr-decay 10
says "--lr-decay and --scheduler exclude each other"
bad --scheduler onecycle --warmup-epochs 1
says "--warmup-epochs does not go with --scheduler onecycle"
bad --warmup-epochs 1
says "--warmup-epochs needs --scheduler"
bad --scheduler-epochs 3
says "--scheduler-epochs is for --scheduler cosine, linear, onecycle"
bad --scheduler step --lr-milestones 3
says "--lr-milestones is for --scheduler multistep, not step"
bad --lr-step 3
says "--lr-step is for --scheduler step"
bad --scheduler cosine --lr-gamma 0.5
says "--lr-gamma is for --scheduler step, multistep, exponential, plateau, not cosine"
bad --scheduler exponential --lr-min 0.5
says "--lr-min is for --scheduler cosine, linear, plateau, not exponential"
bad --scheduler onecycle --lr-patience 1
says "--lr-patience is for --scheduler plateau, not onecycle"
bad --monitor val_accuracy
says "--monitor needs --early-stopping or --scheduler plateau"
bad --momentum 0.5
says "--momentum is for sgd and rmsprop, not adam"
bad --clip-grad-norm 0
says "must be a number above 0"
bad --keep-best speed
says "unknown metric 'speed'; there are: val_loss, val_accuracy, train_loss, train_accuracy"
for option in --keep-best --monitor; do
  bad --early-stopping 2 $option test_accuracy
  says "the test images must not choose, as they would by 'test_accuracy'; there are: val_loss"
done
bad --split test --keep-best val_accuracy
says "--split test: the test images must not choose, but --keep-best val_accuracy would"
bad --split test --early-stopping 2
says "but --early-stopping by val_loss would"
bad --split test --scheduler plateau
says "but --scheduler plateau by val_loss would"
bad --split all
says "unknown split 'all'; there are: val, test"
# What the training figures choose needs no other images.
check 0 ingot train "${quick[@]}" --epochs 1 --out own --keep-best train_loss
prints "60 training and 60 test images"
bad --early-stopping 0
says "must be a whole number, 1 or more"
check 2 ingot train --out step --resume --scheduler cosine
says "--scheduler cosine cannot be changed by --resume: the run has step"
check 2 ingot train --out step --resume --lr 1
says "--lr cannot be changed by --resume"
check 2 ingot train --out step --resume --keep-best val_loss
says "--keep-best val_loss cannot be changed by --resume: the run has none"
bad --scheduler cosine --epochs 2 --warmup-epochs 2
says "--warmup-epochs must be fewer than the epochs of the schedule"
