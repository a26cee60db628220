# What must not be lost: weights and run files under --json, an old run in --out, a training whose
# reader goes away, the last good checkpoint when the loss is no number any more.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

quick=(--model mlp --data mnist --limit 64 --epochs 1 --workers 0)
files=(checkpoint.safetensors model.safetensors metrics.jsonl curves.png)

check 0 ingot train "${quick[@]}" --out run
cp -r run before
unchanged() { for file in "${files[@]}"; do same "before/$file" "run/$file"; done; }

# -- --json never takes the place of what the command reads or writes, however it is spelled.
ln -s run/model.safetensors link
for target in run/model.safetensors ./run/../run/model.safetensors "$PWD/run/model.safetensors" link; do
  check 2 ingot eval --model mlp --weights run/model.safetensors --data mnist --json "$target"
  says "eval: --json $target would destroy the weights"
  one_line
done
for file in "${files[@]}"; do
  check 2 ingot train "${quick[@]}" --out run --overwrite --json "run/$file"
  says "train: --json run/$file would destroy the run's $file"
  check 2 ingot train --out run --resume --epochs 2 --json "run/./$file"
  says "would destroy the run's $file"
  check 2 ingot train "${quick[@]}" --out none/ --json "none/$file"
  says "would destroy the run's $file"
done
check 2 ingot train "${quick[@]}" --out none --json none/
says "would destroy the run folder"
[ ! -e none ] || fail "a usage error made a folder"
unchanged
# Into the new folder of the run it may go.
check 0 ingot train "${quick[@]}" --out deep/new --json deep/new/result.json
grep -qF '"state": "finished"' deep/new/result.json || fail "no result in the run folder"
[ "$(ls -A deep/new | wc -l)" = 5 ] || fail "deep/new holds something else"

# -- Any file of a run keeps a new run out of its folder.
for file in "${files[@]}"; do
  rm -rf part && mkdir part && cp "run/$file" part/
  check 2 ingot train "${quick[@]}" --out part
  says "--overwrite starts again"
  one_line
  same "run/$file" "part/$file"
  [ "$(ls -A part)" = "$file" ] || fail "part/ holds something else"
done
says "part holds files of a run, but no checkpoint to go on with"

# -- --overwrite: nothing goes before everything is checked; then all of the old run goes.
check 1 ingot train "${quick[@]}" --data mnist:no/such --out run --overwrite
check 1 ingot train "${quick[@]}" --out run --overwrite --json missing/r.json
unchanged
check 1 ingot train "${quick[@]}" --out deep/new --overwrite --optimizer sgd --lr 1e30
for file in "${files[@]}"; do
  [ "$file" = metrics.jsonl ] || [ ! -e "deep/new/$file" ] || fail "deep/new mixes two runs: $file"
done

# -- A reader that goes away does not end a training, nor does it when it reads JSON.
piped() { "$INGOT_BIN" train "${quick[@]}" --epochs 3 "$@" | head -n 1 >"$out"; return "${PIPESTATUS[0]}"; }
closed() { "$INGOT_BIN" train "${quick[@]}" --epochs 3 "$@" | true; return "${PIPESTATUS[0]}"; }
for reader in piped closed; do
  $reader --out $reader 2>"$err" || fail "$reader: the training ended with the pipe"
  [ ! -s "$err" ] || fail "$reader: not silent"
  [ "$(grep -c test_accuracy $reader/metrics.jsonl)" = 3 ] || fail "$reader: not three epochs"
  for file in "${files[@]}"; do [ -s "$reader/$file" ] || fail "$reader/$file is missing"; done
done
closed --out json --json 2>"$err" || fail "the training ended with the pipe of its JSON"
[ -s json/model.safetensors ] || fail "json/model.safetensors is missing"

# -- Text that cannot be written is an error; a training is finished all the same.
if [ -c /dev/full ]; then
  full() { "$INGOT_BIN" "$@" 2>"$err" >/dev/full; }
  for command in devices "summary --model lenet5" "completion bash" "train --help" --version \
    "eval --model mlp --weights run/model.safetensors --data mnist --limit 10" \
    "bench matmul --size 8 --repeat 1 --devices cpu"; do
    # shellcheck disable=SC2086  # words
    check_full() { full $command; }
    code=0
    check_full || code=$?
    last=$command
    [ "$code" = 1 ] || fail "$command >/dev/full: exit code $code, expected 1"
    says "stdout: cannot write: No space left on device"
    one_line
  done
  code=0
  full train "${quick[@]}" --epochs 2 --out full || code=$?
  [ "$code" = 1 ] || fail "train >/dev/full: exit code $code, expected 1"
  says "stdout: cannot write: No space left on device"
  for file in "${files[@]}"; do [ -s "full/$file" ] || fail "full/$file is missing"; done
  [ "$(grep -c test_accuracy full/metrics.jsonl)" = 2 ] || fail "full: not two epochs"
fi

# -- Two runs never write into one folder.
"$INGOT_BIN" train "${quick[@]}" --epochs 100000 --out shared >"$out" 2>&1 &
pid=$!
trap 'kill -9 "$pid" 2>/dev/null' EXIT
wait_for 200 test -s shared/checkpoint.safetensors || fail "shared: no progress"
check 1 ingot train --out shared --resume --epochs 100001
says "shared: another run is writing into this folder; wait for its end, or choose another folder"
one_line
check 1 ingot train "${quick[@]}" --out shared --overwrite
says "shared: another run is writing into this folder"
[ -s shared/checkpoint.safetensors ] || fail "the files of a run at work were removed"
kill -9 $pid
wait $pid 2>/dev/null
check 0 ingot train "${quick[@]}" --out shared --overwrite

# -- A loss that is no number, or infinite.
check 1 ingot train "${quick[@]}" --optimizer sgd --lr 1e30 --out diverged --json diverged.json
says "training diverged: the loss is "
says "in epoch 1, step "
says "there is no checkpoint yet"
one_line
[ ! -e diverged/checkpoint.safetensors ] || fail "weights of no use were saved"
grep -qF '"state": "diverged"' diverged.json || fail "diverged.json says something else"
check 0 ingot train "${quick[@]}" --optimizer sgd --out run --overwrite
rm -rf before && cp -r run before
check 1 ingot train --out run --resume --epochs 3 --lr 1e30
says "in epoch 2, step "
says "run/checkpoint.safetensors holds the state before"
same before/checkpoint.safetensors run/checkpoint.safetensors
same before/model.safetensors run/model.safetensors
check 0 ingot train --out run --resume --epochs 2 --lr 0.02

# -- An error that nobody can read any more is told by the exit code.
if [ -e /dev/full ]; then
  code=0
  "$INGOT_BIN" trian 2>/dev/full >"$out" || code=$?
  [ "$code" = 2 ] || fail "stderr on a full disk: exit code $code, expected 2"
  code=0
  "$INGOT_BIN" train "${quick[@]}" --out unread >/dev/full 2>&1 || code=$?
  [ "$code" = 1 ] || fail "both outputs on a full disk: exit code $code, expected 1"
  [ -e unread/model.safetensors ] || fail "unread: nothing was saved"
fi
code=0
"$INGOT_BIN" trian 2>&- >"$out" || code=$?
[ "$code" = 2 ] || fail "stderr closed: exit code $code, expected 2"

# -- A run that ended before its first checkpoint is no run to go on with.
mkdir early && : >early/metrics.jsonl
check 1 ingot train --out early --resume
says "early holds files of a run, but no checkpoint to go on with: it ended before it saved one"

# -- Starts at the same time: one takes the folder, the others leave it alone, whether the first is
# still at work or done.
for round in 1 2 3; do
  pids=()
  for i in 1 2 3 4; do
    "$INGOT_BIN" train "${quick[@]}" --seed $i --out race$round >race$i.out 2>race$i.err &
    pids+=($!)
  done
  won=0
  for i in 1 2 3 4; do
    code=0
    wait "${pids[$((i - 1))]}" || code=$?
    if [ "$code" = 0 ]; then
      won=$((won + 1))
      winner=$i
    else
      grep -q "another run is writing into this folder\|race$round holds " race$i.err ||
        fail "race: $(cat race$i.err)"
    fi
  done
  [ "$won" = 1 ] || fail "$won of 4 runs trained in one folder"
  check 0 ingot train "${quick[@]}" --seed "$winner" --out alone$round
  same alone$round/model.safetensors race$round/model.safetensors
done
# Without --out each gets a folder of its own.
(
  mkdir own && cd own || exit 1
  for i in 1 2 3; do "$INGOT_BIN" train "${quick[@]}" >/dev/null 2>&1 & done
  wait
)
[ "$(ls own/runs | wc -l)" = 3 ] || fail "three runs, $(ls own/runs | wc -l) folders"
for run in own/runs/*; do [ -s "$run/model.safetensors" ] || fail "$run is not whole"; done

# -- A file that is replaced is replaced as a whole: a process killed while it writes, and a disk that
# is full, leave the old one.
evaluate=(eval --weights run/model.safetensors --data mnist --limit 10 --workers 0)
limited() {  # limited BLOCKS ARGUMENTS...: no file of more than so many KiB; what it prints is none
  local blocks=$1
  shift
  (ulimit -f "$blocks" && exec "$INGOT_BIN" "$@") 2>&1 >/dev/null | cat >&2
  return "${PIPESTATUS[0]}"
}
check 0 ingot "${evaluate[@]}" --json result.json
cp result.json result.before
check 1 limited 0 "${evaluate[@]}" --json result.json
says "result.json: cannot write the file: File too large"
same result.before result.json
check 0 ingot convert run/model.safetensors small.safetensors
cp small.safetensors small.before
check 1 limited 100 convert run/model.safetensors small.safetensors --overwrite
says "small.safetensors: cannot write the file: File too large"
same small.before small.safetensors
# The weights (950 KB, in blocks of 1 KB), the curves and the metrics of a run.
rm -rf before && cp -r run before
for blocks in 0 1 20 100 900; do
  check 1 limited $blocks train --out run --resume --epochs 4
  says "File too large"
  for file in checkpoint.safetensors model.safetensors curves.png; do
    same "before/$file" "run/$file"
  done
  while read -r line; do
    case $line in {*}) ;; *) fail "half a line of metrics: $line" ;; esac
  done <run/metrics.jsonl
  [ -z "$(find run -name '.*.tmp-*')" ] || fail "temporary files are left"
  rm -rf run && cp -r before run
done
# Killed at any moment: files are old or new, and always whole.
for i in 1 2 3 4 5 6; do
  "$INGOT_BIN" train --out run --resume --epochs 100000 >/dev/null 2>&1 &
  pid=$!
  sleep 0.$((i * 13 % 10))5
  kill -9 $pid
  wait $pid 2>/dev/null
  check 0 ingot eval --weights run/model.safetensors --data mnist --limit 10 --workers 0
  check 0 ingot eval --weights run/checkpoint.safetensors --data mnist --limit 10 --workers 0
  [ "$(tail -c 12 run/curves.png | head -c 8 | tail -c 4)" = IEND ] || fail "half a picture"
done

# -- Pipes and devices: results may go there; names of temporary files may be taken by them.
check 0 ingot "${evaluate[@]}" --json /dev/null
ingot "${evaluate[@]}" --json >(cat >piped.json) >"$out" 2>"$err" || fail "--json >(cat)"
wait_for 20 grep -q '"accuracy"' piped.json || fail "nothing came through the pipe"
mkdir pipes && mkfifo pipes/.result.json.tmp-1-0
check 0 timeout 60 "$INGOT_BIN" "${evaluate[@]}" --json pipes/result.json
grep -q '"accuracy"' pipes/result.json || fail "no result beside a pipe"
mkfifo pipes/weights
check 1 timeout 60 "$INGOT_BIN" eval --model mlp --weights pipes/weights --data mnist
says "pipes/weights: cannot read the file: it is a device or pipe"
check 1 timeout 60 "$INGOT_BIN" eval --model mlp --weights /dev/zero --data mnist
says "/dev/zero: cannot read the file: it is a device or pipe"
