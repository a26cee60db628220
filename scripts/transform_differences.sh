#!/usr/bin/env bash
# Compares every image operation with torchvision on whole photos, and writes the table of the
# largest differences into docs/transforms.md.
#
#   scripts/transform_differences.sh PHOTO_FOLDER [PYTHON]
#
# PYTHON has torchvision 0.14 with a Pillow before 13. Needs about 1 GB of temporary space.
set -euo pipefail
if [ $# -lt 1 ]; then
  echo "usage: scripts/transform_differences.sh PHOTO_FOLDER [PYTHON]" >&2
  exit 2
fi
photos=$(realpath "$1")
python=${2:-python3}
cd "$(dirname "$0")/.."
cases=$(mktemp -d)
trap 'rm -rf "$cases"' EXIT
"$python" tests/fixtures/make_functional_fixtures.py "$photos" "$cases"
cmake --preset release >/dev/null
cmake --build --preset release --target parity_transforms
INGOT_TRANSFORM_CASES=$cases INGOT_TRANSFORM_TABLE=docs/transforms.md \
  build/bin/tests/parity_transforms
