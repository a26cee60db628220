# ingot train and eval on data of the user's own: image folders, Fashion-MNIST, downloads.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

images=$INGOT_SOURCE_DIR/tests/fixtures/images
quick=(--model mlp --epochs 8 --workers 1 --batch-size 4)

refused() {  # refused CODE TEXT ARGUMENTS...
  local code=$1 text=$2
  shift 2
  check "$code" ingot "$@"
  says "$text"
  one_line
}

# -- An image folder: cats and rockets, in two halves
for half in train val; do
  mkdir -p photos/$half/cat photos/$half/rocket
  for i in 1 2 3; do
    cp "$images/baseline_420.jpg" photos/$half/cat/$i.jpg
    cp "$images/baseline_444.jpg" photos/$half/rocket/$i.jpg
  done
  cp "$images/rgb8.png" photos/$half/cat/4.png
  cp "$images/cmyk.jpg" photos/$half/rocket/4.jpg
done
check 0 ingot train "${quick[@]}" --data folder:photos --out run --json result.json
prints "8 training and 8 validation images as 1x28x28"
prints "classes    2"
prints "val accuracy 100.00 %"
check 0 ingot eval --model mlp --weights run/model.safetensors --data folder:photos --json
prints '"accuracy": 1.0'
prints '"count": 8'
# The same with other workers, and resumed.
check 0 ingot train "${quick[@]}" --data folder:photos --out again --workers 0 --epochs 3
check 0 ingot train --out again --resume --epochs 8
same run/model.safetensors again/model.safetensors
# Without val/, test/ is measured.
mkdir other && cp -r photos/train other/train && cp -r photos/val other/test
check 0 ingot train "${quick[@]}" --data folder:other --out tested
same run/model.safetensors tested/model.safetensors
prints "8 training and 8 test images"
prints "test accuracy 100.00 %"

# -- Three parts, of which each can be told from the others by its size
mkdir three && cp -r photos/train three/train && cp -r photos/val three/val
cp -r photos/val three/test && rm three/test/*/3.jpg three/val/cat/1.jpg
check 0 ingot train "${quick[@]}" --data folder:three --epochs 2 --out parts --keep-best val_loss --json p.json
prints "8 training and 7 validation images"
prints "test images were not looked at: ingot eval --split test does"
grep -q test_ parts/metrics.jsonl && fail "parts: the test images were looked at"
check 0 ingot train "${quick[@]}" --data folder:three --epochs 2 --out parts-test --split test
prints "8 training and 6 test images"
same parts/model.safetensors parts-test/model.safetensors
for part in train:8 val:7 test:6; do
  check 0 ingot eval --model mlp --weights run/model.safetensors --data folder:three --json \
    --split ${part%:*}
  prints "\"split\": \"${part%:*}\""
  prints "\"count\": ${part#*:}"
done
check 0 ingot eval --model mlp --weights run/model.safetensors --data folder:three --json
prints '"split": "test"'
refused 2 "three has a val folder: its images need no split" \
  train "${quick[@]}" --data folder:three --val-split 0.25 --out r
check 0 ingot eval --model mlp --weights run/model.safetensors --data folder:photos --json
prints '"split": "val"'
refused 2 "--split test: folder:photos has no such images" \
  eval --model mlp --weights run/model.safetensors --data folder:photos --split test
refused 2 "--split test: folder:photos has no test images" \
  train "${quick[@]}" --data folder:photos --split test --out r
# Classes of a test set that nobody measures may be others.
mv three/test/cat three/test/lion
check 0 ingot train "${quick[@]}" --data folder:three --epochs 1 --out r
rm -rf r
refused 1 "the classes differ: [cat, rocket] for training, [lion, rocket] for the test" \
  train "${quick[@]}" --data folder:three --split test --out r
# A validation part is split off where there is none: when something is chosen by it, when it is
# asked for, and when there is nothing else to measure.
check 0 ingot train "${quick[@]}" --data folder:other --epochs 1 --out r --val-split 0.25
prints "6 training and 2 validation images"
rm -rf r
mkdir alone && cp -r photos/train alone/train
for file in alone/train/*/*; do cp "$file" "${file%/*}/again-${file##*/}"; done
check 0 ingot train "${quick[@]}" --data folder:alone --epochs 1 --out r
prints "15 training and 1 validation images"
prints "(--val-split 0.1)"
check 0 ingot train --out r --resume --epochs 2
rm -rf r
check 0 ingot train "${quick[@]}" --data mnist --limit 1000 --epochs 1 --val-split 0.25 --out r
prints "750 training and 250 validation images"
rm -rf r
check 0 ingot train "${quick[@]}" --data mnist --limit 64 --epochs 1 --split val --out r
prints "64 training and 64 validation images"
rm -rf r
# Not with classes of other names, whose order may be another.
cp -r photos renamed && mv renamed/train/cat renamed/train/zcat && mv renamed/val/cat renamed/val/zcat
refused 2 "the classes are [\"rocket\",\"zcat\"], not [\"cat\",\"rocket\"]" \
  train --out again --resume --epochs 9 --data folder:renamed
# Colour images and three channels.
check 0 ingot train --model squeezenet1_1 --image-size 32 --epochs 1 --workers 1 --data folder:photos \
  --out colour
prints "as 3x32x32"

# -- A folder without halves is split, always alike
check 0 ingot train "${quick[@]}" --data folder:photos/train --val-split 0.25 --out split
prints "6 training and 2 validation images"
check 0 ingot eval --model mlp --weights split/model.safetensors --data folder:photos/train \
  --val-split 0.25 --json
accuracy=$(tail -n 1 split/metrics.jsonl | sed 's/.*"val_accuracy":\([0-9.e-]*\).*/\1/')
prints "\"accuracy\": $accuracy"
refused 2 "--val-split 0.5 cannot be changed by --resume: the run has 0.25" \
  train --out split --resume --val-split 0.5
refused 1 "photos/train: the folder has no train/" \
  train "${quick[@]}" --data folder:photos/train --out r
refused 2 "its images need no split" \
  train "${quick[@]}" --data folder:photos --val-split 0.25 --out r
refused 2 "above 0 and below 1" \
  train "${quick[@]}" --data folder:photos/train --val-split 1.5 --out r

# -- Fewer images: all classes keep their share, in training and in the test
check 0 ingot train "${quick[@]}" --epochs 1 --data folder:photos --limit 4 --out few
prints "4 training and 4 validation images"
check 0 ingot eval --model mlp --weights run/model.safetensors --data folder:photos --limit 4 --json
prints '"count": 4'
# Two of eight are the first cat and the first rocket: such a damaged rocket is seen.
cp -r photos spoilt
for half in train val; do echo "no image" >spoilt/$half/rocket/1.jpg; done
refused 1 "spoilt/train/rocket/1.jpg: " \
  train "${quick[@]}" --data folder:spoilt --limit 2 --workers 0 --out r
refused 1 "spoilt/val/rocket/1.jpg: " \
  eval --model mlp --weights run/model.safetensors --data folder:spoilt --limit 2
rm -rf r
refused 2 "--skip-damaged is for --data folder:FOLDER" \
  train "${quick[@]}" --data mnist --skip-damaged --out r

# -- Folders that are none
refused 1 "no/such: no such folder" train "${quick[@]}" --data folder:no/such --out r
refused 2 "names no folder" train "${quick[@]}" --data folder --out r
mkdir -p bare/train bare/val
refused 1 "bare/train: the folder has no sub-folders" train "${quick[@]}" --data folder:bare --out r
mkdir bare/train/cat bare/val/cat
refused 1 "no images for the class cat" train "${quick[@]}" --data folder:bare --out r
mkdir bare/val/dog
refused 1 "the classes differ: [cat] for training, [cat, dog] for validation" \
  train "${quick[@]}" --data folder:bare --out r
[ ! -e r ] || fail "a run folder was made for data that cannot be used"
# Weights for other classes.
mv other/train/cat other/train/lion && mv other/test/cat other/test/lion
refused 1 'tell the classes ["cat","rocket"], the data have ["lion","rocket"]' \
  eval --model mlp --weights run/model.safetensors --data folder:other

# -- Damaged images: an error by name, or left out and named
head -c 300 "$images/baseline_420.jpg" >photos/train/cat/3.jpg
echo "not an image" >photos/val/rocket/2.jpg
refused 1 "photos/train/cat/3.jpg: damaged JPEG image: the file is cut off" \
  train "${quick[@]}" --data folder:photos --out damaged
says "; --skip-damaged leaves out images that cannot be read"
refused 1 "--skip-damaged leaves out" \
  eval --model mlp --weights run/model.safetensors --data folder:photos
check 0 ingot train "${quick[@]}" --data folder:photos --out skipped --skip-damaged --json s.json
prints "skipped    photos/train/cat/3.jpg: damaged JPEG image: the file is cut off"
prints "skipped    photos/val/rocket/2.jpg: neither a JPEG nor a PNG image"
grep -q '"photos/val/rocket/2.jpg: neither' s.json || fail "s.json names no skipped file"
grep -q -- "--skip-damaged leaves" "$out" && fail "advice that was followed"
# A header that promises more pixels than are read: no option of C++ is named.
mkdir -p huge/train/a huge/val/a
cp "$images/rgb8.png" huge/val/a/1.png
{ head -c 16 "$images/rgb8.png" && printf '\000\177\000\000\000\177\000\000' &&
  tail -c +25 "$images/rgb8.png"; } >huge/train/a/1.png
refused 1 "huge/train/a/1.png: " train "${quick[@]}" --data folder:huge --out r
grep -q "::" "$err" && fail "the error names something of C++"
check 0 ingot eval --model mlp --weights skipped/model.safetensors --data folder:photos \
  --skip-damaged --json
prints '"count": 7'
prints 'photos/val/rocket/2.jpg: neither'

# -- Fashion-MNIST has MNIST's files
mkdir fashion
cp "$INGOT_SOURCE_DIR"/data/mnist-1k/*ubyte* fashion/
check 0 ingot train --model mlp --data fashion-mnist:fashion --limit 64 --epochs 1 --out clothes
prints "fashion-mnist:fashion: 64 training and 64 test images as 1x28x28"
refused 1 "none: no such folder" train "${quick[@]}" --data fashion-mnist:none --out r

# -- Downloads
refused 2 "--download is for" train "${quick[@]}" --data mnist --download --out r
refused 2 "--download-from needs --download" \
  train "${quick[@]}" --data mnist:d --download-from http://127.0.0.1:1/ --out r
needs python3
mkdir served
(cd served && exec python3 -u -m http.server 0 --bind 127.0.0.1 >../server.log 2>&1) &
server=$!
trap 'kill "$server" 2>/dev/null' EXIT
wait_for 20 grep -q "Serving HTTP" server.log || fail "the server does not start"
url=http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\).*/\1/p' server.log | head -n 1)/
fetch=(train "${quick[@]}" --data fashion-mnist:fetched --out r --download --download-from "$url")
if [ "${INGOT_CURL-ON}" = OFF ]; then  # as the build was configured
  refused 1 "built without libcurl" "${fetch[@]}"
else
  refused 1 "${url}train-images-idx3-ubyte.gz: the server answers with HTTP status 404" "${fetch[@]}"
  echo "no digits" >served/train-images-idx3-ubyte.gz
  refused 1 "${url}train-images-idx3-ubyte.gz: wrong checksum: 10 bytes" "${fetch[@]}"
  [ -z "$(ls -A fetched)" ] || fail "something is left behind in fetched/"
  # Files that are there are not fetched; the one that is missing is.
  mkdir digits
  for file in "$INGOT_SOURCE_DIR"/data/mnist-1k/*.gz; do
    gunzip -c "$file" >"digits/$(basename "$file" .gz)"
  done
  digits=(train --model mlp --limit 64 --epochs 1 --data mnist:digits --out r --download --download-from "$url")
  check 0 ingot "${digits[@]}"
  grep -q "^fetching" "$out" && fail "files that are there were fetched"
  rm digits/t10k-labels-idx1-ubyte
  refused 1 "${url}t10k-labels-idx1-ubyte.gz: the server answers with HTTP status 404" "${digits[@]}" --overwrite
fi

# -- What systems leave behind is no class and no image, and is named.
for half in train val; do
  mkdir -p left/$half/cat left/$half/rocket
  for i in 1 2 3; do
    cp "$images/baseline_420.jpg" left/$half/cat/$i.jpg
    cp "$images/baseline_444.jpg" left/$half/rocket/$i.jpg
  done
  cp "$images/rgb8.png" left/$half/cat/4.png
  cp "$images/cmyk.jpg" left/$half/rocket/4.jpg
done
mkdir -p left/train/.ipynb_checkpoints left/train/__MACOSX/cat left/val/cat/.ipynb_checkpoints
cp "$images/rgb8.png" left/train/__MACOSX/cat/1.png
cp "$images/rgb8.png" left/val/cat/.ipynb_checkpoints/1.png
echo x >left/train/cat/._1.jpg
echo x >left/train/cat/Thumbs.db
check 0 ingot train "${quick[@]}" --data folder:left --out left_run --json left.json
prints "8 training and 8 validation images"
prints "left out   left/train/.ipynb_checkpoints"
prints "left out   left/train/__MACOSX"
prints "left out   left/train/cat/._1.jpg"
prints "left out   left/val/cat/.ipynb_checkpoints"
grep -qF '"left/train/cat/Thumbs.db"' left.json || fail "left.json lacks left/train/cat/Thumbs.db"
same run/model.safetensors left_run/model.safetensors
check 0 ingot eval --weights left_run/model.safetensors --data folder:left
prints "left out   left/val/cat/.ipynb_checkpoints"

# -- torchvision's folders: mnist:FOLDER finds FOLDER/MNIST/raw.
mkdir -p tv/MNIST/raw tv/FashionMNIST/raw
cp "$INGOT_SOURCE_DIR"/data/mnist-1k/*.gz tv/MNIST/raw/
cp "$INGOT_SOURCE_DIR"/data/mnist-1k/*.gz tv/FashionMNIST/raw/
check 0 ingot train --model mlp --data mnist:tv --limit 32 --epochs 1 --workers 0 --out tv1
check 0 ingot train --model mlp --data fashion-mnist:tv --limit 32 --epochs 1 --workers 0 --out tv2
rm -r tv/FashionMNIST
refused 1 "tv: the folder has no train-images-idx3-ubyte" \
  train --model mlp --data fashion-mnist:tv --limit 32 --epochs 1 --workers 0 --out tv3
