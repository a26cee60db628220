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
echo "== Training LeNet-5 on 1,000 digits of MNIST =="
build/bin/ingot train --model lenet5 --data mnist --epochs 8 --out "$out"
echo
echo "The run is in $out:"
for file in "$out"/*; do
  case "$file" in
    *.svg | *.png) echo "  curves      $file" ;;
    *.json | *.jsonl) echo "  metrics     $file" ;;
    *checkpoint* | *.ckpt | *.safetensors) echo "  checkpoint  $file" ;;
    *) if [ -e "$file" ]; then echo "              $file"; fi ;;
  esac
done
