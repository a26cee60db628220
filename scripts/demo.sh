#!/usr/bin/env bash
# Sets up, builds, and trains an image classifier on handwritten digits that come with Ingot.
#
#   scripts/demo.sh [DIR]    the run's folder; runs/demo by default
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-runs/demo}
scripts/build.sh ingot_cli

echo
echo "== The devices of this machine =="
build/bin/ingot devices
echo
echo "== Training LeNet-5 on 1,000 handwritten digits =="
build/bin/ingot train --model lenet5 --data mnist --optimizer sgd --epochs 20 --lr-decay 300 \
  --out "$out" --overwrite
echo
echo "== The saved weights, loaded again, on 1,000 digits it has not seen =="
build/bin/ingot eval --model lenet5 --weights "$out/model.safetensors" --data mnist
