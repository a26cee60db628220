#!/usr/bin/env bash
# Every command of docs/command-line.md (its sh blocks) runs, in order, and succeeds.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

# The file of PyTorch that the page speaks of.
cp "$INGOT_SOURCE_DIR/tests/fixtures/pth/2.13-two-models.pth" gan.pth

# Images that the page predicts.
mkdir digits
cp "$INGOT_SOURCE_DIR/tests/fixtures/images/grey8.png" digit.png
cp "$INGOT_SOURCE_DIR/tests/fixtures/images/grey8.png" digits/1.png

commands=$(awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' \
  "$INGOT_SOURCE_DIR/docs/command-line.md")
count=0
while IFS= read -r line; do
  check 0 eval "$line"
  count=$((count + 1))
done <<<"$commands"
[ "$count" -ge 8 ] || fail "only $count commands found"

# What the page says is there.
for file in model.safetensors checkpoint.safetensors metrics.jsonl curves.png; do
  [ -s "runs/first/$file" ] || fail "runs/first/$file is missing"
done
for file in runs/schedule/best.safetensors runs/schedule/tensorboard/events.out.tfevents.*; do
  [ -s "$file" ] || fail "$file is missing"
done
grep -q '"accuracy"' result.json || fail "result.json holds no accuracy"
