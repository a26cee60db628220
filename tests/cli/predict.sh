# ingot predict: what a run saved is used; text, JSON and CSV; what cannot be read.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"
: "${INGOT_EDIT_FILE:?}"

images=$INGOT_SOURCE_DIR/tests/fixtures/images
for half in train val; do
  mkdir -p photos/$half/cat "photos/$half/a, \"b\""
  for i in 1 2 3; do
    cp "$images/baseline_420.jpg" photos/$half/cat/$i.jpg
    cp "$images/baseline_444.jpg" "photos/$half/a, \"b\"/$i.jpg"
  done
  cp "$images/rgb8.png" photos/$half/cat/4.png
  cp "$images/cmyk.jpg" "photos/$half/a, \"b\"/4.jpg"
done
check 0 ingot train --model mlp --epochs 8 --workers 1 --batch-size 4 --data folder:photos --out run --keep-best val_loss
prints "val accuracy 100.00 %"

# -- A photo, a folder, both: every image gets its class.
check 0 ingot predict run photos/val/cat/1.jpg
prints "photos/val/cat/1.jpg"
grep -Eq '1.jpg +[0-9.]+ % +cat$' "$out" || fail "no cat"
[ "$(wc -l <"$out")" = 3 ] || fail "not two classes and a heading"
check 0 ingot predict run photos/val photos/train/cat/4.png --top 1 --csv list.csv --json list.json
[ "$(wc -l <list.csv)" = 10 ] || fail "list.csv has not nine images"
[ "$(head -n 1 list.csv)" = "image,rank,class,index,probability" ] || fail "list.csv: another heading"
[ "$(grep -c '^photos/.*cat/.*,1,cat,1,[0-9.]*$' list.csv)" = 5 ] || fail "not all cats are cats"
[ "$(grep -c '^"photos/val/a, ""b""/[1-4].jpg",1,"a, ""b""",0,[0-9.]*$' list.csv)" = 4 ] ||
  fail "list.csv: names are not quoted"
python3 - list.json <<'PYTHON' || fail "list.json"
import json, sys
result = json.load(open(sys.argv[1]))
assert result["model"] == "mlp" and result["weights"] == "run/best.safetensors", result
assert len(result["images"]) == 9 and not result["errors"], result
for image in result["images"]:
    guess, = image["predictions"]
    assert guess["class"] == ("cat" if "cat" in image["image"] else 'a, "b"'), image
    assert 0.5 <= guess["probability"] <= 1, image
PYTHON
# All classes sum to 1; more than there are cannot be shown.
check 0 ingot predict run photos/val/cat/1.jpg --json
python3 -c 'import json, sys
p = [g["probability"] for g in json.load(sys.stdin)["images"][0]["predictions"]]
assert len(p) == 2 and abs(sum(p) - 1) < 1e-6 and p[0] >= p[1], p' <"$out" || fail "probabilities"
check 0 ingot predict run photos/val/cat/1.jpg --csv
grep -q '^photos/val/cat/1.jpg,2,' "$out" || fail "--csv alone does not print"
# Batches and workers change nothing; nor does which file of the run is named.
for more in "--batch-size 1" "--batch-size 3 --workers 0" "--workers 4"; do
  # shellcheck disable=SC2086
  check 0 ingot predict run photos/val photos/train/cat/4.png --top 1 --csv other.csv $more
  same list.csv other.csv
done
check 0 ingot predict run/best.safetensors photos/val photos/train/cat/4.png --top 1 --csv other.csv
same list.csv other.csv
check 0 ingot predict run/model.safetensors photos/val --top 1
check 0 ingot predict run/checkpoint.safetensors photos/val --top 1
# Without a name for it, a class has a number; with --classes the names of a file.
cp run/best.safetensors bare.safetensors
"$INGOT_EDIT_FILE" bare.safetensors metadata classes "" || fail "edit_file"
check 0 ingot predict bare.safetensors photos/val/cat/1.jpg --top 1
grep -Eq ' +1$' "$out" || fail "no number of a class"
printf 'first\r\nsecond\r\n\n' >names.txt
check 0 ingot predict bare.safetensors photos/val/cat/1.jpg --top 1 --classes names.txt
grep -Eq ' +second$' "$out" || fail "no name of --classes"
echo third >>names.txt
check 1 ingot predict bare.safetensors photos/val/cat/1.jpg --classes names.txt
says "names.txt: 4 names, but the weights have 2 classes"
check 1 ingot predict bare.safetensors photos/val/cat/1.jpg --classes none.txt
says "none.txt: cannot read the names of the classes"

# -- MNIST's images are stretched, not cropped: as eval has them.
check 0 ingot train --model mlp --data mnist --limit 200 --epochs 2 --workers 0 --out digits
check 0 ingot predict digits photos/val/cat/1.jpg
grep -Eq '1.jpg +[0-9.]+ % +[0-9]$' "$out" || fail "no digit"
[ "$(wc -l <"$out")" = 6 ] || fail "not five classes"
stretched=$(tail -n +2 "$out")
cp digits/model.safetensors cropped.safetensors
"$INGOT_EDIT_FILE" cropped.safetensors metadata resize crop || fail "edit_file"
check 0 ingot predict cropped.safetensors photos/val/cat/1.jpg
[ "$stretched" != "$(tail -n +2 "$out")" ] || fail "the saved way of resizing is not looked at"

# -- What cannot be.
cp run/best.safetensors nan.safetensors
"$INGOT_EDIT_FILE" nan.safetensors nan layers.0.weight || fail "edit_file"
check 1 ingot predict nan.safetensors photos/val
says "are NaN; these weights are of no use"
one_line
[ ! -s "$out" ] || fail "a result was printed"
check 1 ingot eval nan.safetensors --data folder:photos
says "are NaN"
echo "not an image" >broken.jpg
check 1 ingot predict run broken.jpg photos/val/cat/1.jpg --top 1
says "1 of 2 images could not be read"
grep -q "broken.jpg" "$err" || fail "the image is not named"
grep -Eq '1.jpg +[0-9.]+ % +cat$' "$out" || fail "the other image was lost"
check 0 ingot predict run broken.jpg photos/val/cat/1.jpg --top 1 --skip-damaged --json b.json
prints "skipped    broken.jpg"
grep -q '"cause": "broken.jpg' b.json || fail "b.json has no cause"
check 1 ingot predict run broken.jpg
says "1 of 1 images could not be read"
check 1 ingot predict run none.jpg
says "none.jpg: no such file or folder"
one_line
mkdir empty
check 1 ingot predict run empty
says "empty: the folder holds no image"
check 1 ingot predict empty broken.jpg
says "empty: no run folder: it holds neither best.safetensors nor model.safetensors"
check 1 ingot predict nowhere broken.jpg
says "nowhere: no such file or folder"
check 2 ingot predict run
says "FILE is required: an image, or a folder"
check 2 ingot predict run a.jpg --top 0
says "--top: must be a whole number, 1 or more"
check 2 ingot predict run photos/val --csv - --json -
says "--json and --csv cannot both go to stdout"
check 2 ingot predict run photos/val/cat/1.jpg --csv photos/val/cat/1.jpg
says "--csv photos/val/cat/1.jpg would destroy the image"
check 2 ingot predict run photos/val --csv run/best.safetensors
says "would destroy the weights"
cp run/best.safetensors plain.safetensors
"$INGOT_EDIT_FILE" plain.safetensors metadata model "" || fail "edit_file"
check 2 ingot predict plain.safetensors photos/val
says "--model is required: plain.safetensors does not tell it"
check 0 ingot predict plain.safetensors photos/val --model mlp
