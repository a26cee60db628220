#!/usr/bin/env bash
# Formats every C++ file of the repository in place; with --check only says what is not formatted.
# The version is pinned: clang-format changes its mind between versions.
set -euo pipefail
cd "$(dirname "$0")/.."

format=clang-format-16
if ! command -v $format >/dev/null; then
  echo "format: $format is missing; scripts/setup.sh --ci installs it" >&2
  exit 1
fi
case "${1-}" in
  '') mode="-i" ;;
  --check) mode="--dry-run -Werror" ;;
  *) echo "usage: scripts/format.sh [--check]" >&2; exit 2 ;;
esac
# Also files that are not added yet.
# shellcheck disable=SC2086  # a list of words
git ls-files -z --cached --others --exclude-standard '*.h' '*.hpp' '*.cpp' | xargs -0 $format $mode
