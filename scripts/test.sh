#!/usr/bin/env bash
# Sets up, builds everything and runs every test. Arguments go to ctest: scripts/test.sh -R unit_core
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh --tests
scripts/build.sh
# A test fails where a tool that it needs is missing, instead of leaving a part out.
INGOT_REQUIRE_ALL=1 ctest --preset release "$@"
