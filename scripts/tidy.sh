#!/usr/bin/env bash
# clang-tidy over src/ with those checks of .clang-tidy that are quick and whose findings are mistakes;
# with --all the whole of .clang-tidy, which takes about six times as long and is not kept empty.
# Needs build/compile_commands.json: scripts/build.sh leaves it.
set -euo pipefail
cd "$(dirname "$0")/.."

tidy=clang-tidy-16
if ! command -v $tidy >/dev/null; then
  echo "tidy: $tidy is missing (Debian package clang-tidy-16)" >&2
  exit 1
fi
if [ ! -e build/compile_commands.json ]; then
  echo "tidy: build/compile_commands.json is missing; run scripts/build.sh first" >&2
  exit 1
fi
checks='-*,bugprone-use-after-move,bugprone-dangling-handle,bugprone-unused-raii,
  bugprone-forwarding-reference-overload,bugprone-inaccurate-erase,
  bugprone-string-constructor,performance-for-range-copy,performance-move-const-arg,
  performance-unnecessary-copy-initialization,
  performance-noexcept-move-constructor,performance-move-constructor-init,
  cppcoreguidelines-virtual-class-destructor,modernize-use-override'
case "${1-}" in
  '') options=("--checks=$(echo "$checks" | tr -d ' \n')") ;;
  --all) options=() ;;
  *) echo "usage: scripts/tidy.sh [--all]" >&2; exit 2 ;;
esac
jobs=$(getconf _NPROCESSORS_ONLN)
# What clang-tidy says of warnings in system headers goes to stderr, and is dropped.
git ls-files -z 'src/*.cpp' |
  xargs -0 -n 2 -P "$jobs" $tidy -p build --quiet --warnings-as-errors='*' \
    ${options[@]+"${options[@]}"} 2>/dev/null
