#!/usr/bin/env bash
# The quick check before a push: format, floors, and the unit tests of the floors that changed, built with the
# `dev` preset. Under two minutes where that build exists and a file or two changed.
#
#   scripts/check.sh [BASE]     what changed since BASE; by default since the branch left its upstream or main
#   scripts/check.sh --hook     makes git call it before every push
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1-}" = --hook ]; then
  git config core.hooksPath scripts/hooks
  echo "check: git push now runs scripts/check.sh; git push --no-verify does not"
  exit 0
fi

base=""
for candidate in "${1-}" '@{upstream}' origin/main main; do
  # What another push has brought meanwhile may not be known here.
  if [ -n "$candidate" ] && base=$(git merge-base HEAD "$candidate" 2>/dev/null); then break; fi
done

scripts/format.sh --check
python3 scripts/check_floors.py

# A floor's change can break the floors that stand on it, but those take long: CI tests them.
changed=$({ git diff --name-only "${base:-HEAD}"; git ls-files --others --exclude-standard; } | sort -u)
tests=$(echo "$changed" | sed -n \
  -e 's,^src/\([a-z]*\)/.*,\1,p' -e 's,^include/ingot/\([a-z]*\)/.*,\1,p' -e 's,^tests/unit/\([a-z]*\)/.*,\1,p' |
  sort -u)
targets=""
for test in $tests; do
  if [ -d "tests/unit/$test" ]; then targets="$targets unit_$test"; fi
done
if [ -z "$targets" ]; then
  echo "check: no floor changed; format and floors are right"
  exit 0
fi

if [ ! -f build-dev/build.ninja ]; then cmake --preset dev; fi
# shellcheck disable=SC2086  # a list of words
cmake --build --preset dev --target $targets
ctest --preset dev --parallel 2 -R "^($(echo $targets | tr ' ' '|'))\$"
echo "check: format, floors and$targets are right ($SECONDS s)"
