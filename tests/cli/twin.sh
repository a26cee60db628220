# Training on another device as a process: the cpu's weights bit for bit, checkpoints that go on on
# either device, and an end that is clean whatever the device does: Ctrl-C while it is busy and slow,
# a step that fails, no memory, ops that it lacks.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

lines_at_least() { [ "$(wc -l <"$1")" -ge "$2" ]; }
# on_twin OPTIONS ARGUMENTS...: as ingot, with such a twin; nothing may hang.
on_twin() {
  local options=$1
  shift
  INGOT_TWIN=$options timeout 120 "$INGOT_BIN" "$@"
}
# losses FILE: what was measured, without times.
losses() { sed -E 's/"(seconds|images_per_second)": *[^,}]*,?//g' "$1"; }
same_run() {
  same whole/model.safetensors "$1/model.safetensors"
  [ "$(losses whole/metrics.jsonl)" = "$(losses "$1/metrics.jsonl")" ] || fail "$1: other losses"
}

run=(--model lenet5 --data mnist --limit 60 --batch-size 6 --workers 1 --epochs 2 --optimizer adamw)
check 0 ingot train "${run[@]}" --out whole
check 0 on_twin delay=20 train "${run[@]}" --device twin --out async
prints "device     twin:0"
same_run async
check 0 on_twin sync train "${run[@]}" --device twin:1 --out sync
prints "device     twin:1"
same_run sync
check 0 on_twin 1 eval --weights whole/model.safetensors --data mnist --limit 50 --device twin --json there.json
check 0 ingot eval --weights whole/model.safetensors --data mnist --limit 50 --json here.json
for key in loss accuracy; do
  [ -n "$(grep "\"$key\"" here.json)" ] || fail "here.json has no $key"
  [ "$(grep "\"$key\"" here.json)" = "$(grep "\"$key\"" there.json)" ] || fail "eval: another $key"
done

# An epoch on one device, the next one on the other.
check 0 on_twin delay=20 train "${run[@]}" --epochs 1 --device twin --out to_cpu
check 0 ingot train --out to_cpu --resume --epochs 2 --device cpu
prints "device     cpu"
same_run to_cpu
check 0 ingot train "${run[@]}" --epochs 1 --out to_twin
check 0 on_twin delay=20 train --out to_twin --resume --epochs 2 --device twin
prints "device     twin:0"
same_run to_twin
check 1 ingot train --out to_twin --resume --epochs 3
says "device twin:0 cannot be used: a device for tests"
one_line

# Ctrl-C while a slow device is at work: the state is saved, and goes on on either device.
for device in twin cpu; do
  rm -rf stopped
  INGOT_TWIN=delay=400 "$INGOT_BIN" train "${run[@]}" --device twin --out stopped >"$out" 2>"$err" &
  pid=$!
  wait_for 100 lines_at_least stopped/metrics.jsonl 2 || fail "stopped: no progress"
  kill -INT $pid
  code=0
  wait $pid || code=$?
  [ "$code" = 130 ] || fail "after Ctrl-C: exit code $code, expected 130"
  grep -qF "go on with: ingot train --out stopped --resume" "$out" || fail "no word on how to go on"
  check 0 on_twin 1 train --out stopped --resume --device $device
  same_run stopped
done
# Twice: at once, however slow the device is.
INGOT_TWIN=delay=400 "$INGOT_BIN" train "${run[@]}" --device twin --out twice >"$out" 2>"$err" &
pid=$!
wait_for 100 lines_at_least twice/metrics.jsonl 1 || fail "twice: no progress"
kill -INT $pid
kill -INT $pid 2>/dev/null
code=0
wait $pid || code=$?
[ "$code" = 130 ] || fail "after two Ctrl-C: exit code $code, expected 130"

# A step that fails on the device, early, in the second epoch, while the test images are measured:
# an error that names it, exit code 1, and what was saved before is whole.
for at in 0 40 900 1500; do
  rm -rf failed
  check 1 on_twin delay=20,fail=$at train "${run[@]}" --device twin --out failed
  says "twin: this step was told to fail"
  grep -q "recorded at .*:[0-9]" "$err" || fail "fail=$at: the error does not name a place"
  if [ -e failed/checkpoint.safetensors ]; then
    check 0 on_twin delay=20 train --out failed --resume --device twin
  else
    check 0 on_twin delay=20 train "${run[@]}" --device twin --out failed --overwrite
  fi
  same_run failed
done
[ "$at" = 1500 ] || fail "not all failures were tried"

# Too little memory, before the first step or in it: no hang, no leftover that could not go on.
for bytes in 1000 700000; do
  rm -rf small
  check 1 on_twin memory=$bytes train "${run[@]}" --device twin --out small
  says "twin:0: cannot allocate"
  check 0 on_twin 1 train "${run[@]}" --device twin --out small --overwrite
  same_run small
done

# What the device lacks the cpu computes: told once per op, with the same bits; or refused.
check 0 on_twin refuse=conv2d+max_pool2d train "${run[@]}" --device twin --out lacking
for op in conv2d max_pool2d; do
  [ "$(grep -c "twin:0 has no kernel for $op on" "$err")" = 1 ] || fail "$op: not one warning"
done
same_run lacking
check 0 env INGOT_FALLBACK=silent INGOT_TWIN=refuse=conv2d "$INGOT_BIN" train "${run[@]}" --epochs 1 --device twin --out silent
[ ! -s "$err" ] || fail "INGOT_FALLBACK=silent is not silent"
check 1 env INGOT_FALLBACK=error INGOT_TWIN=refuse=conv2d "$INGOT_BIN" train "${run[@]}" --device twin --out refused
says "conv2d: twin:0 has no kernel for it on float32"

# An option of INGOT_TWIN that is none is told.
check 1 on_twin quick train "${run[@]}" --device twin --out odd
says "INGOT_TWIN: there is no 'quick'"
one_line

# So is a number of threads that is none; the training goes on.
check 0 env INGOT_TWIN=1 INGOT_NUM_THREADS=many "$INGOT_BIN" check --model lenet5 --device twin
grep -q "^warning: INGOT_NUM_THREADS is 'many'; it is not used, since it is no number from 1 to 4096" "$err" ||
  fail "a wrong INGOT_NUM_THREADS is not told"
