#!/usr/bin/env bash
# Sets up, builds everything and runs every test. Arguments go to ctest: scripts/test.sh -R unit_core
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh
ctest --preset release "$@"
