# Damaged files, missing folders and full disks: one clear line, exit code 1, nothing lost.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

quick=(--model mlp --limit 64 --epochs 1 --workers 1)

# refused TEXT ARGUMENTS...: exit code 1 and one line with TEXT.
refused() {
  local text=$1
  shift
  check 1 ingot "$@"
  says "$text"
  one_line
}

# -- Data
refused "no/such/folder" train "${quick[@]}" --data mnist:no/such/folder --out r
mkdir empty
refused "empty" train "${quick[@]}" --data mnist:empty --out r
subset=$INGOT_SOURCE_DIR/data/mnist-1k
if [ -d "$subset" ]; then
  mkdir data
  cp "$subset"/*ubyte* data/ && chmod u+w data/*
  check 0 ingot train "${quick[@]}" --data mnist:data --out good
  check 0 ingot train "${quick[@]}" --data mnist --out embedded
  same good/model.safetensors embedded/model.safetensors
  for file in data/*; do
    cp "$file" saved
    head -c 200 saved >"$file"
    refused "$(basename "$file")" train "${quick[@]}" --data mnist:data --out r
    : >"$file"
    refused "$(basename "$file")" train "${quick[@]}" --data mnist:data --out r
    echo "these are no digits" >"$file"
    refused "$(basename "$file")" train "${quick[@]}" --data mnist:data --out r
    cp saved "$file"
  done
fi
[ ! -e r ] || fail "a run folder was made for data that cannot be read"

# -- Weights and checkpoints
check 0 ingot train "${quick[@]}" --data mnist --out run
weights=run/model.safetensors
evaluate=(eval --model mlp --data mnist --limit 64 --weights)
head -c 1000 $weights >cut
refused "cut: " "${evaluate[@]}" cut
: >nothing
refused "nothing: the file is empty" "${evaluate[@]}" nothing
echo "<html>404 Not Found</html>" >page.pth
refused "page.pth: this looks like text; it is neither a safetensors file nor one of torch.save" \
  "${evaluate[@]}" page.pth
printf '\377\377\377\377\377\377\377\177{}' >huge
refused "huge: the header claims" "${evaluate[@]}" huge
printf '\103\0\0\0\0\0\0\0{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]},"b":{"dtype":0' >text
refused "text: " "${evaluate[@]}" text
refused "run: cannot read the file: Is a directory" "${evaluate[@]}" run
mkdir other
refused "other holds no run to go on with: checkpoint.safetensors is missing" train --out other --resume
cp $weights other/checkpoint.safetensors
refused "is no checkpoint of a training run" train --out other --resume
head -c 3000 run/checkpoint.safetensors >other/checkpoint.safetensors
refused "other/checkpoint.safetensors" train --out other --resume

# -- Folders
: >file
refused "file: cannot make the folder: Not a directory" train "${quick[@]}" --data mnist --out file
refused "file/run: cannot make the folder: Not a directory" \
  train "${quick[@]}" --data mnist --out file/run
if [ "$(id -u)" != 0 ]; then  # root may write everywhere
  mkdir locked && chmod a-w locked
  refused "locked" train "${quick[@]}" --data mnist --out locked
fi
refused "missing/r.json: cannot write into the folder" \
  train "${quick[@]}" --data mnist --out unused --json missing/r.json
[ ! -e unused ] || fail "a run was begun that cannot be reported"

# -- A full disk, or here: a limit on the size of files. The old checkpoint survives, whole.
cp run/checkpoint.safetensors before
limited() { (ulimit -f 200; exec "$INGOT_BIN" "$@"); }
check 1 limited train --out run --resume --epochs 2
says "run/model.safetensors: cannot write the file: File too large"
one_line
same before run/checkpoint.safetensors
[ "$(ls -A run | wc -l)" = 4 ] || fail "something is left behind in run/"
check 0 ingot train --out run --resume --epochs 2
