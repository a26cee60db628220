# ingot train with augmentation, frozen layers, rates by layer and weights out of a folder; the table
# of classes.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"
: "${INGOT_EDIT_FILE:?}"

quick=(--model mlp --data mnist --limit 60 --workers 1 --batch-size 8)

# -- Augmentation: the same seed gives the same images, whoever makes them; a resumed run goes on.
check 0 ingot train "${quick[@]}" --epochs 2 --augment strong --out strong --json strong.json
prints "augment    crop 0.4, flip 0.5, rotation 15, colour jitter 0.3"
check 0 ingot train "${quick[@]}" --epochs 2 --augment Strong --workers 0 --out again
same strong/model.safetensors again/model.safetensors
check 0 ingot train "${quick[@]}" --epochs 1 --augment strong --out halves
check 0 ingot train --out halves --resume --epochs 2
same strong/model.safetensors halves/model.safetensors
check 0 ingot train "${quick[@]}" --epochs 2 --out plain
if cmp -s strong/model.safetensors plain/model.safetensors; then fail "augmentation changes nothing"; fi
grep -q "augment " "$out" && fail "an augmentation is named without one"
# Each part alone changes the run; 0 takes a preset's part off.
for part in "--crop 0.5" "--flip 1" "--rotate 30" "--color-jitter 0.5" "--rand-augment 20" "--erase 1" "--augment light" \
  "--augment imagenet" "--augment randaugment"; do
  # shellcheck disable=SC2086
  check 0 ingot train "${quick[@]}" --epochs 2 $part --overwrite --out part
  prints "augment    "
  if cmp -s part/model.safetensors plain/model.safetensors; then fail "$part changes nothing"; fi
done
check 0 ingot train "${quick[@]}" --epochs 2 --augment light --flip 0 --crop 0 --out off
same off/model.safetensors plain/model.safetensors
check 0 ingot train "${quick[@]}" --epochs 2 --augment none --overwrite --out off
same off/model.safetensors plain/model.safetensors
# Photos of any size, and three channels out of one.
images=$INGOT_SOURCE_DIR/tests/fixtures/images
for half in train val; do
  mkdir -p photos/$half/cat photos/$half/rocket
  cp "$images/baseline_420.jpg" "$images/rgb8.png" photos/$half/cat
  cp "$images/baseline_444.jpg" "$images/one_pixel.jpg" photos/$half/rocket
done
check 0 ingot train --model squeezenet1_1 --image-size 40 --data folder:photos --epochs 1 --workers 0 \
  --augment randaugment --erase 0.5 --out photos-run
check 0 ingot train --model squeezenet1_1 --image-size 40 --data mnist --limit 8 --epochs 1 --workers 0 \
  --augment strong --rand-augment 5 --out three
check 2 ingot train "${quick[@]}" --augment strnog --out bad
says "unknown augmentation 'strnog'; there are: none, light, strong, imagenet, randaugment; did you mean strong?"
check 2 ingot train "${quick[@]}" --flip 1.5 --out bad
says "--flip: must be at most 1, not '1.5'"
check 2 ingot train "${quick[@]}" --rand-augment 31 --out bad
says "--rand-augment: must be at most 30"
check 2 ingot train --out strong --resume --flip 0.25 --epochs 3
says "--flip 0.25 cannot be changed by --resume: the run has the default"
check 2 ingot train --out strong --resume --augment light --epochs 3
says "--augment light cannot be changed by --resume: the run has strong"

# -- Mixtures of images: the same from any number of workers, and when resumed.
for mix in "--mixup 0.4" "--cutmix 1" "--mixup 0.2 --cutmix 1"; do
  # shellcheck disable=SC2086
  {
    check 0 ingot train "${quick[@]}" --epochs 2 $mix --overwrite --out mixed
    prints "mix        "
    check 0 ingot train "${quick[@]}" --epochs 1 $mix --workers 0 --overwrite --out mixed1
  }
  check 0 ingot train --out mixed1 --resume --epochs 2
  same mixed/model.safetensors mixed1/model.safetensors
  if cmp -s mixed/model.safetensors plain/model.safetensors; then fail "$mix changes nothing"; fi
done
check 2 ingot train "${quick[@]}" --mixup -1 --out bad
says "--mixup: must be a number, 0 or more, not '-1'"
check 2 ingot train --out mixed --resume --cutmix 0.5 --epochs 3
says "--cutmix 0.5 cannot be changed by --resume: the run has 1.0"

# -- What does not learn keeps its bits.
tensors() { "$INGOT_BIN" convert "$1" "$2" --overwrite >/dev/null || fail "convert $1"; }
# kept A B NAME...: tensors that are equal in both files; others differ.
python3 - >differs.py <<'PYTHON'
print('''
import json, struct, sys
def read(path):
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    return {k: data[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]] for k, v in header.items() if k != "__metadata__"}
a, b = read(sys.argv[1]), read(sys.argv[2])
assert a.keys() == b.keys()
equal = sorted(k for k in a if a[k] == b[k])
assert equal == sorted(sys.argv[3:]), equal
''')
PYTHON
kept() { python3 differs.py "$@" >"$out" 2>"$err" || fail "kept $*"; }
body=(layers.0.weight layers.0.bias layers.2.weight layers.2.bias)
check 0 ingot train "${quick[@]}" --epochs 1 --out start
check 0 ingot train "${quick[@]}" --epochs 1 --weights start/model.safetensors --freeze --out frozen
prints "frozen     233,856 parameters"
kept start/model.safetensors frozen/model.safetensors "${body[@]}"
check 0 ingot train "${quick[@]}" --epochs 1 --weights start/model.safetensors --freeze layers.0,layers.4 --out frozen2
kept start/model.safetensors frozen2/model.safetensors layers.0.weight layers.0.bias layers.4.weight layers.4.bias
check 2 ingot train "${quick[@]}" --freeze layers --out bad
says "--freeze leaves nothing to train"
check 2 ingot train "${quick[@]}" --freeze layers.9 --out bad
says "--freeze layers.9: "
one_line
# The head first; the same in one go and resumed after either epoch.
check 0 ingot train "${quick[@]}" --epochs 3 --weights start/model.safetensors --head-epochs 1 --out head
prints "frozen     233,856 parameters for 1 epoch"
check 0 ingot train "${quick[@]}" --epochs 1 --weights start/model.safetensors --head-epochs 1 --out head1
kept start/model.safetensors head1/model.safetensors "${body[@]}"
check 0 ingot train --out head1 --resume --epochs 2
check 0 ingot train --out head1 --resume --epochs 3
same head/model.safetensors head1/model.safetensors
kept start/model.safetensors head/model.safetensors
# Statistics of frozen batch norms stay, too.
check 0 ingot train --model resnet18 --image-size 32 --data mnist --limit 8 --batch-size 4 --epochs 1 --workers 0 --out r1
check 0 ingot train --model resnet18 --image-size 32 --data mnist --limit 8 --batch-size 4 --epochs 1 --workers 0 \
  --weights r1/model.safetensors --freeze --out r2
python3 differs.py r1/model.safetensors r2/model.safetensors >"$out" 2>"$err" && fail "r2 keeps nothing"
grep -q "bn1.running_mean" "$err" || fail "statistics of a frozen batch norm moved"
grep -Eq "'fc.(weight|bias)'" "$err" && fail "the head did not learn"

# -- Rates by layer.
check 0 ingot train "${quick[@]}" --epochs 1 --weights start/model.safetensors --optimizer sgd --momentum 0 --body-lr-factor 1e-30 --out slow
kept start/model.safetensors slow/model.safetensors "${body[@]}"
check 0 ingot train "${quick[@]}" --epochs 2 --body-lr-factor 0.1 --out rates
check 0 ingot train "${quick[@]}" --epochs 1 --body-lr-factor 0.1 --out rates1
check 0 ingot train --out rates1 --resume --epochs 2
same rates/model.safetensors rates1/model.safetensors
check 0 ingot train "${quick[@]}" --epochs 2 --body-lr-factor 0.1 --scheduler cosine --out rates-cosine
check 2 ingot train --out rates1 --resume --epochs 3 --lr 1
says "--lr cannot be changed by --resume: --body-lr-factor"
check 2 ingot train "${quick[@]}" --body-lr-factor 0.1 --scheduler onecycle --out bad
says "--body-lr-factor does not go with --scheduler onecycle"

# -- Weights out of a folder; nothing is fetched.
mkdir weights
check 1 ingot train --model resnet18 --data mnist --pretrained weights --out bad
says "--pretrained: no weights of resnet18 in weights; put resnet18-f37072fd.pth there"
one_line
check 1 env INGOT_WEIGHTS="$PWD/none" "$INGOT_BIN" train "${quick[@]}" --pretrained --out bad
says "no weights of mlp in $PWD/none (No such file or directory); put mlp.safetensors there"
cp start/model.safetensors weights/mlp-1234.safetensors
cp start/model.safetensors weights/mlp_other.safetensors
check 0 env INGOT_WEIGHTS="$PWD/weights" "$INGOT_BIN" train "${quick[@]}" --epochs 1 --pretrained --freeze --out from
prints "weights    6 keys from $PWD/weights/mlp-1234.safetensors"
same from/model.safetensors frozen/model.safetensors
check 0 ingot train --out from --resume --epochs 2
cp start/model.safetensors weights/mlp.pth
check 1 ingot train "${quick[@]}" --pretrained weights --out bad
says "weights holds several weights of mlp: weights/mlp-1234.safetensors, weights/mlp.pth"
check 2 ingot train "${quick[@]}" --pretrained weights --weights start/model.safetensors --out bad
says "--pretrained and --weights exclude each other"
check 2 ingot train --out from --resume --pretrained weights --epochs 3
says "--pretrained is for a new run"
[ ! -e bad ] || fail "a run folder was made for a run that cannot be"

# -- The table of classes: what it counts is what the accuracy says.
check 0 ingot train "${quick[@]}" --epochs 2 --per-class --overwrite --out classes --json classes.json
prints "mean of classes"
cp classes.json trained.json
check 0 ingot eval classes --per-class --json tested.json
python3 - trained.json tested.json <<'PYTHON' || fail "the tables of classes"
import json, sys
trained, tested = (json.load(open(path)) for path in sys.argv[1:])
assert trained["per_class"] == tested["per_class"]
rows = tested["per_class"]
assert [row["class"] for row in rows] == [str(i) for i in range(10)]
assert sum(row["images"] for row in rows) == tested["count"] == 60
hits = sum(row["recall"] * row["images"] for row in rows)
assert abs(hits - tested["correct"]) < 1e-9, (hits, tested["correct"])
for row in rows:
    p, r = row["precision"], row["recall"]
    assert 0 <= p <= 1 and 0 <= r <= 1 and abs(row["f1"] - (2 * p * r / (p + r) if p + r else 0)) < 1e-12
PYTHON
