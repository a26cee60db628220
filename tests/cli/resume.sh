# A resumed run gives bit for bit the weights of one that was never stopped: after an epoch, after
# Ctrl-C in the middle of one, after SIGTERM and after being killed.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

options=(--model mlp --data mnist --batch-size 2 --workers 1 --epochs 2)

# lines_at_least FILE N
lines_at_least() { [ "$(wc -l <"$1")" -ge "$2" ]; }

# stop_at SIGNAL LINES FOLDER OPTIONS...: trains, and sends the signal when the metrics have that many
# lines. Leaves the exit code in $code.
stop_at() {
  local signal=$1 lines=$2 folder=$3
  shift 3
  "$INGOT_BIN" train "$@" --out "$folder" >"$out" 2>"$err" &
  local pid=$!
  wait_for 200 lines_at_least "$folder/metrics.jsonl" "$lines" || fail "$folder: no progress"
  kill -"$signal" $pid 2>/dev/null
  code=0
  wait $pid 2>/dev/null || code=$?
}

# same_run FOLDER: it holds the weights and as many lines of metrics as the whole run.
same_run() {
  same whole/model.safetensors "$1/model.safetensors"
  [ "$(wc -l <"$1/metrics.jsonl")" = "$(wc -l <whole/metrics.jsonl)" ] ||
    fail "$1/metrics.jsonl has other lines than the whole run's"
}

# stopped_and_resumed SIGNAL CODE LINES FOLDER: false when the run was over before the signal came.
stopped_and_resumed() {
  stop_at "$1" "$3" "$4" "${run[@]}"
  if [ "$code" = 0 ]; then return 1; fi
  [ "$code" = "$2" ] || fail "after SIG$1: exit code $code, expected $2"
  if [ "$1" != KILL ]; then prints "go on with: ingot train --out $4 --resume"; fi
  check 0 ingot train --out "$4" --resume
  same_run "$4"
}

# A machine may be too fast for a small run to be stopped: then a larger one is taken.
for limit in 60 400 2000 20000; do
  [ $limit != 20000 ] || fail "no run could be stopped in time"
  rm -rf whole int4 int15 term killed
  run=("${options[@]}" --limit $limit)
  check 0 ingot train "${run[@]}" --out whole
  # Ctrl-C in the first and in the second epoch; a polite kill; a kill in the second epoch, after
  # which the run goes on from the end of the first.
  stopped_and_resumed INT 130 4 int4 || continue
  stopped_and_resumed INT 130 15 int15 || continue
  stopped_and_resumed TERM 143 3 term || continue
  stopped_and_resumed KILL 137 14 killed || continue
  break
done

# One epoch, then the second.
run=("${options[@]}" --limit 60)
rm -rf whole
check 0 ingot train "${run[@]}" --out whole
check 0 ingot train "${run[@]}" --epochs 1 --out steps
if cmp -s whole/model.safetensors steps/model.safetensors; then fail "one epoch equals two"; fi
check 0 ingot train --out steps --resume --epochs 2
prints "after 1 of 2 epochs"
same_run steps

# Already finished: nothing changes.
cp steps/checkpoint.safetensors before
check 0 ingot train --out steps --resume
prints "nothing to do: the run has 2 epochs already"
check 0 ingot train --out steps --resume --epochs 1 --json steps.json
prints "nothing to do: the run has 2 epochs already"
[ "$(wc -l <"$out")" = 1 ] || fail "more than a line for nothing"
grep -qF '"epochs_done": 2' steps.json || fail "steps.json: not two epochs"
same_run steps
check 0 ingot train "${run[@]}" --epochs 1 --out single
prints "after 1 epoch"
check 0 ingot train --out single --resume
prints "nothing to do: the run has 1 epoch already"

# A second Ctrl-C ends it at once, with the same code.
"$INGOT_BIN" train "${run[@]}" --epochs 5000 --out twice >"$out" 2>"$err" &
pid=$!
wait_for 200 lines_at_least twice/metrics.jsonl 2 || fail "twice: no progress"
kill -INT $pid
kill -INT $pid 2>/dev/null
code=0
wait $pid 2>/dev/null || code=$?
[ "$code" = 130 ] || fail "after two Ctrl-C: exit code $code, expected 130"
[ -z "$(find twice -name '.*.tmp-*')" ] || fail "twice: temporary files are left"

# What would give other weights cannot be changed on the way.
check 2 ingot train --out steps --resume --batch-size 4
says "--batch-size 4 cannot be changed by --resume: the run has 2"
check 2 ingot train --out steps --resume --model lenet5
says "--model lenet5 cannot be changed by --resume: the run has mlp"
check 2 ingot train --out steps --resume --seed 1
says "--seed 1 cannot be changed by --resume: the run has 0"
check 2 ingot train --out steps --resume --image-size 14
says "--image-size 14 cannot be changed by --resume: the run has the default"
# Other data are refused by what is in them; the same data may have moved.
full=$PWD/idx
mkdir "$full"
cp "$INGOT_SOURCE_DIR"/data/mnist-1k/*.gz "$full/"
check 0 ingot train "${options[@]}" --epochs 1 --out whole1k
check 0 ingot train --out whole1k --resume --data "mnist:$full" --epochs 2
mv "$full/t10k-images-idx3-ubyte.gz" "$full/train-images-idx3-ubyte.gz"
mv "$full/t10k-labels-idx1-ubyte.gz" "$full/train-labels-idx1-ubyte.gz"
cp "$INGOT_SOURCE_DIR"/data/mnist-1k/t10k-*.gz "$full/"
cp whole1k/checkpoint.safetensors before1k
check 2 ingot train --out whole1k --resume --data "mnist:$full" --epochs 3
says "mnist:$full is not the data that the run in whole1k was trained on: the labels differ"
same before1k whole1k/checkpoint.safetensors
check 1 ingot train --out nowhere --resume
says "nowhere: no such folder, and so no run to go on with"
one_line
mkdir bare
check 1 ingot train --out bare --resume
says "bare holds no run to go on with: checkpoint.safetensors is missing; without --resume a new run begins there"
one_line
[ -z "$(ls -A bare)" ] || fail "something was left in bare"
touch file
check 1 ingot train --out file --resume
says "file: not the folder of a run"
[ ! -e nowhere ] || fail "a folder was made for a run that is not there"
same before steps/checkpoint.safetensors

# Damage to the numbers of a checkpoint or of weights is noticed, and named.
damage() {  # damage FILE: changes the last byte
  local byte
  byte=$(tail -c 1 "$1" | od -An -tu1 | tr -d ' ')
  head -c $(($(wc -c <"$1") - 1)) "$1" >"$1.new"
  printf "\\$(printf %o $((byte ^ 1)))" >>"$1.new"
  mv "$1.new" "$1"
}
rm -rf broken && cp -r steps broken
damage broken/checkpoint.safetensors
check 1 ingot train --out broken --resume --epochs 3
says "broken/checkpoint.safetensors: tensor '"
says "does not match its checksum; the file is damaged"
one_line
damage broken/model.safetensors
check 1 ingot eval --model mlp --weights broken/model.safetensors --data mnist --limit 10
says "broken/model.safetensors: tensor '"
one_line

# From another folder, with the data, weights and event files of the first start.
mkdir -p here/digits there
cp "$INGOT_SOURCE_DIR"/data/mnist-1k/*.gz here/digits/
cp steps/model.safetensors here/start.safetensors
(cd here && ingot train --model mlp --data mnist:digits --limit 60 --epochs 1 --workers 0 \
  --weights start.safetensors --tensorboard events --out ../moved) >"$out" 2>"$err" ||
  fail "training with relative paths"
prints "mnist:digits"
cd there || exit 1
check 0 ingot train --out ../moved --resume --epochs 2
prints "resumed    after 1 of 2 epochs"
check 0 ingot train --out ../moved --resume --epochs 3 --weights ../here/start.safetensors
check 2 ingot train --out ../moved --resume --epochs 4 --weights ../here/other.safetensors
says "cannot be changed by --resume"
[ -z "$(ls -A .)" ] || fail "something was written into the folder that the run is resumed from"
[ "$(find ../here/events -name 'events.out.*' | wc -l)" = 3 ] || fail "the event files lie elsewhere"
cd .. || exit 1

# -- Runs of other versions: options that came later have their usual value, those that are gone are
# named and ignored. What the command line gives counts as usual.
edit() { "${INGOT_EDIT_FILE:?}" "$@" || fail "edit_file $*"; }
cp -r steps older
for option in lr-gamma lr-patience early-stopping monitor tensorboard clip-grad-norm skip-damaged weights; do
  edit older/checkpoint.safetensors option $option -
done
edit older/checkpoint.safetensors option forgotten-by-all '{"deep": [1]}'
check 2 ingot train --out older --resume --epochs 3 --lr-gamma 0.5
says "--lr-gamma 0.5 cannot be changed by --resume: the run has 0.1"
check 0 ingot train --out older --resume --epochs 3
prints "note       the run's --forgotten-by-all is not known to this Ingot and has no effect"
check 0 ingot train --out steps --resume --epochs 3
same older/model.safetensors steps/model.safetensors
for option in model data; do
  cp -r steps "no-$option"
  edit "no-$option/checkpoint.safetensors" option $option -
  check 1 ingot train --out "no-$option" --resume --epochs 4
  says "no-$option/checkpoint.safetensors: the run's options are damaged: --$option is missing"
done
cp -r steps odd
edit odd/checkpoint.safetensors option batch-size '"many"'
check 1 ingot train --out odd --resume --epochs 4
says "the run's options are damaged: --batch-size is"
