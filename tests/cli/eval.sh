# ingot eval: what the file of weights tells is taken from it; weights of older files, with prefixes
# and with NaN.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"
: "${INGOT_EDIT_FILE:?}"

edit() { "$INGOT_EDIT_FILE" "$@" || fail "edit_file $*"; }
accuracy() { grep -o '"accuracy": [0-9.e-]*' "$out"; }

quick=(--data mnist --limit 16 --epochs 1 --workers 0 --batch-size 8)
check 0 ingot train --model mobilenet_v2 --image-size 40 "${quick[@]}" --out run
model=run/model.safetensors
eval_it() { ingot eval --data mnist --limit 16 --workers 0 --json "$@"; }

# -- Model, size and normalisation come from the file, of a checkpoint as well. (Without batch norm:
# hardly trained ones make every image alike.)
check 0 ingot train --model squeezenet1_1 --image-size 40 "${quick[@]}" --out plain
check 0 eval_it --weights plain/model.safetensors
prints '"image_size": 40'
prints '"model": "squeezenet1_1"'
plain=$(accuracy)$(grep '"loss"' "$out")
check 0 eval_it --weights plain/model.safetensors --model SqueezeNet1_1 --image-size 40
[ "$plain" = "$(accuracy)$(grep '"loss"' "$out")" ] || fail "the same size gives something else"
check 0 eval_it --weights plain/checkpoint.safetensors
[ "$plain" = "$(accuracy)$(grep '"loss"' "$out")" ] || fail "the checkpoint gives something else"
check 0 eval_it --weights plain/model.safetensors --image-size 64
prints '"image_size": 64'
[ "$plain" != "$(accuracy)$(grep '"loss"' "$out")" ] || fail "another size gives the same loss"
cp plain/model.safetensors other.safetensors
edit other.safetensors metadata mean '[0.9]'
edit other.safetensors metadata std '[0.1, 0.2, 0.3]'
check 0 eval_it --weights other.safetensors
[ "$plain" != "$(accuracy)$(grep '"loss"' "$out")" ] || fail "another normalisation gives the same"
for bad in '[0]' '[-1]' '[1,2]' '"x"' '{' '[null]'; do
  edit other.safetensors metadata std "$bad"
  check 1 eval_it --weights other.safetensors
  says "other.safetensors: the metadata are damaged: std is "
done
check 0 eval_it --weights $model
told=$(accuracy)$(grep '"loss"' "$out")
cp $model other.safetensors
edit other.safetensors metadata image_size 0
check 1 eval_it --weights other.safetensors
says "the metadata are damaged: image_size is '0'"
cp $model other.safetensors
edit other.safetensors metadata num_classes 7
check 1 eval_it --weights other.safetensors
says "the weights tell 7 classes, the data have 10"
cp $model other.safetensors
edit other.safetensors metadata model ""
check 2 eval_it --weights other.safetensors
says "--model is required: other.safetensors does not tell it"
# A run of an older Ingot tells less: its options.
cp run/checkpoint.safetensors old.safetensors
check 0 eval_it --weights old.safetensors --model MobileNet_V2
prints '"image_size": 40'

# -- Weights of before 2018 have no num_batches_tracked.
cp $model old.safetensors
edit old.safetensors drop num_batches_tracked
check 0 eval_it --weights old.safetensors
[ "$told" = "$(accuracy)$(grep '"loss"' "$out")" ] || fail "old weights give something else"
check 0 ingot train --model mobilenet_v2 --image-size 40 "${quick[@]}" --out from --weights old.safetensors
edit old.safetensors drop running_var
check 1 eval_it --weights old.safetensors
says "missing keys"

# -- A prefix of all names is named, with the option that takes it off.
for prefix in module. _orig_mod. net.module.; do
  cp $model prefixed.safetensors
  edit prefixed.safetensors prefix $prefix
  check 1 eval_it --weights prefixed.safetensors
  says "every name begins with '$prefix'; --strip-prefix $prefix takes it off"
  one_line
  check 1 ingot train --model mobilenet_v2 --image-size 40 "${quick[@]}" --out p --weights prefixed.safetensors
  says "--strip-prefix $prefix takes it off"
  check 0 eval_it --weights prefixed.safetensors --strip-prefix $prefix
  [ "$told" = "$(accuracy)$(grep '"loss"' "$out")" ] || fail "stripped weights give something else"
done
[ ! -e p ] || fail "a run folder was made for weights that do not fit"

# -- NaN: no accuracy, and exit code 1.
cp $model nan.safetensors
edit nan.safetensors nan features.0.0.weight
check 1 eval_it --weights nan.safetensors
says "nan.safetensors: 1 of the 864 numbers of 'features.0.0.weight' are NaN"
one_line
[ ! -s "$out" ] || fail "a result was printed"
check 1 ingot train --model mobilenet_v2 --image-size 40 "${quick[@]}" --out n --weights nan.safetensors
says "are NaN"
