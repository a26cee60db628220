# ingot convert, and weights of PyTorch in eval and train.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"
fixtures=$INGOT_SOURCE_DIR/tests/fixtures/pth

for version in 1.13 2.13; do
  for kind in zip stream; do
    check 0 ingot convert "$fixtures/$version-weights-$kind.pth" $version-$kind.safetensors
    prints "23 tensors"
    prints "bfloat16"
    same 1.13-zip.safetensors $version-$kind.safetensors
  done
done
check 0 ingot convert "$fixtures/2.13-nested-zip.pth" nested.safetensors --json nested.json
prints "left out   epoch = 3"
prints "0.weight"
prints "7 tensors"
grep -q '"name": "1.running_mean"' nested.json || fail "nested.json: no tensors"
check 0 ingot convert "$fixtures/2.13-two-models.pth" two.safetensors --key critic
prints "23 tensors"
check 0 ingot convert "$fixtures/2.13-two-models.pth" half.safetensors --key critic --dtype float16
[ "$(wc -c <half.safetensors)" -lt "$(wc -c <two.safetensors)" ] || fail "float16 is not smaller"

# safetensors to safetensors changes nothing.
check 0 ingot convert 1.13-zip.safetensors copy.safetensors
same 1.13-zip.safetensors copy.safetensors

# What cannot be.
check 2 ingot convert 1.13-zip.safetensors copy.safetensors
says "copy.safetensors exists; --overwrite replaces it"
check 0 ingot convert 1.13-zip.safetensors copy.safetensors --overwrite
check 2 ingot convert copy.safetensors copy.safetensors --overwrite
says "the same file"
check 2 ingot convert copy.safetensors other.safetensors --key model
says "--key is for files of torch.save"
check 1 ingot convert "$fixtures/2.13-evil-system-zip.pth" evil.safetensors
says "GLOBAL posix.system is not allowed"
one_line
[ ! -e evil.safetensors ] && [ ! -e pwned ] || fail "a refused file left something"
check 1 ingot convert "$fixtures/2.13-two-models.pth" x.safetensors
says "which part holds the weights is not clear"
check 1 ingot convert "$fixtures/2.13-weights-zip.pth" x.safetensors --strip-prefix module.
says "the tensor 'bool' does not begin with 'module.'"
check 1 ingot convert nothing.pth x.safetensors
says "nothing.pth: cannot read the file: No such file or directory"
check 2 ingot convert "$fixtures/2.13-tensor.pth" x.safetensors --dtype int8
says "unknown dtype 'int8'"

# Training from weights: the same model goes on where it was; others are refused with every key.
quick=(--model mlp --data mnist --limit 100 --epochs 1 --workers 0)
check 0 ingot train "${quick[@]}" --out first
check 0 ingot train "${quick[@]}" --out second --weights first/model.safetensors --json second.json
prints "keys from first/model.safetensors"
grep -q '"skipped_keys": \[\]' second.json || fail "keys were skipped"
loss() { tail -n 1 "$1/metrics.jsonl" | sed 's/.*"train_loss":\([0-9.e-]*\).*/\1/'; }
awk "BEGIN { exit !($(loss second) < $(loss first)) }" || fail "the weights were not taken over"
check 1 ingot train "${quick[@]}" --out third --weights "$fixtures/2.13-weights-zip.pth"
says "these weights are not of this model"
grep -q "bfloat16: unexpected" "$err" || fail "not every key is listed"
grep -q ": missing" "$err" || fail "missing keys are not listed"
[ ! -e third ] || fail "a run folder was made for weights that do not fit"
check 1 ingot train --model lenet5 --data mnist --limit 50 --out fourth --weights first/model.safetensors
says "these are weights of model mlp, not lenet5"
check 1 ingot eval --model mlp --weights "$fixtures/2.13-weights-zip.pth" --data mnist --limit 50
says "2.13-weights-zip.pth: "

# Nothing is no result.
printf '\002\000\000\000\000\000\000\000{}' >empty.safetensors
check 1 ingot convert empty.safetensors x.safetensors
says "empty.safetensors: there are no tensors to convert"
[ ! -e x.safetensors ] || fail "a file without tensors was written"

# What is called .pth and is none; dtypes that Ingot has not got.
: >empty.pth
check 1 ingot convert empty.pth x.safetensors
says "empty.pth: the file is empty"
echo "version https://git-lfs.github.com/spec/v1" >pointer.pth
check 1 ingot convert pointer.pth x.safetensors
says "pointer.pth: this looks like text; it is neither a safetensors file nor one of torch.save"
check 1 ingot convert "$fixtures/2.13-evil-float8_e4m3fn.pth" x.safetensors
says "the dtype float8_e4m3fn cannot be read: Ingot has dense tensors of bool"
one_line

# Names in a file do not steer the terminal.
check 1 ingot convert "$fixtures/2.13-odd-names.pth" odd.safetensors
grep -q $'\033' "$err" && fail "a name in the file is printed raw"
says 'a\x1b[2Jb\x0a: tensor bool [2]'
says 'epoch\x1b[2J: 3'

# Values that the new dtype cannot hold are named.
needs python3
python3 - <<'PY'
import struct
text = b'{"big":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"small":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}'
values = struct.pack("<5f", 65504, 70000, -1e30, float("inf"), 1)
open("large.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + values)
PY
check 0 ingot convert large.safetensors small.safetensors --dtype float16 --json small.json
prints "overflow   big: 2 values are too large for float16 and became infinite"
[ "$(grep -c "^overflow" "$out")" = 1 ] || fail "an overflow that is none"
tr -d ' \n' <small.json | grep -qF '"overflows":[{"name":"big","count":2}]' || fail "small.json: no overflow"
check 0 ingot convert large.safetensors wide.safetensors --dtype bfloat16
if grep -q "^overflow" "$out"; then fail "bfloat16 holds these"; fi

# Objects of other classes are refused by name, which says how to go on; then they are left out.
for kind in 2 4 stream; do
  check 1 ingot convert "$fixtures/2.13-objects-$kind.pth" objects.safetensors --overwrite
  says "GLOBAL numpy."
  says "--skip-objects leaves such values out"
  one_line
  check 0 ingot convert "$fixtures/2.13-objects-$kind.pth" objects.safetensors --overwrite \
    --skip-objects
  prints "2 tensors"
  prints "left out   namespace = object of argparse.Namespace"
  prints "left out   reduce = object of posix.system"
done
[ ! -e pwned ] || fail "a file was run"
check 0 ingot convert "$fixtures/2.13-allowed-zip.pth" allowed.safetensors
prints "left out   counter.30 = 1"
check 1 ingot convert "$fixtures/2.13-lacking-zip.pth" lacking.safetensors
says "sparse tensors cannot be read"
check 0 ingot convert "$fixtures/2.13-lacking-zip.pth" lacking.safetensors --skip-objects
prints "left out   quantized = not read: quantized tensors"
check 0 ingot convert "$fixtures/2.13-tensor.pth" half.safetensors --overwrite --dtype FLOAT16
prints "float16"
check 1 ingot eval --model mlp --weights "$fixtures/2.13-objects-2.pth" --data mnist
says "--skip-objects leaves such values out"
check 1 ingot eval --model mlp --weights "$fixtures/2.13-objects-2.pth" --data mnist --skip-objects
says "the dict does not fit"
check 2 ingot train "${quick[@]}" --out x --skip-objects
says "for a new run with --weights"
