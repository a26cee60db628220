#!/usr/bin/env bash
# Sets up, configures and builds. Leaves the command line program at build/bin/ingot.
#
#   scripts/build.sh [TARGET...]    builds everything, or only the CMake targets named
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
# Configured again only when there is something new; Ninja repeats it by itself after that.
if [ ! -f build/build.ninja ]; then cmake --preset release; fi
if [ $# -gt 0 ]; then
  cmake --build --preset release --target "$@"
else
  cmake --build --preset release
fi
