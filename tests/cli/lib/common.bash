# Helpers of the command line tests; each test sources this, then works in an empty folder.
#
#   check CODE COMMAND...     runs it; its exit code must be CODE; output is left in $out and $err
#   says TEXT                 the last command's stderr is one line "ingot: error: …" with TEXT
#   prints TEXT               the last command's stdout has TEXT
#   needs TOOL...             fails where one is missing: nothing is left out silently
#   has TOOL                  the same with INGOT_REQUIRE_ALL, as scripts/test.sh sets it; else says what is left out
set -uo pipefail
: "${INGOT_BIN:?}" "${INGOT_SOURCE_DIR:?}"
# Threads that spin while they wait take ten times as long where tests share the cores.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}

work=$PWD/$(basename "$0" .sh).work
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 1
out=$work/stdout
err=$work/stderr

ingot() { "$INGOT_BIN" "$@"; }

fail() {
  echo "FAILED: $*"
  echo "--- stdout"
  tail -n 30 "$out" 2>/dev/null
  echo "--- stderr"
  tail -n 30 "$err" 2>/dev/null
  exit 1
}

check() {
  local expected=$1 code=0
  shift
  last="$*"
  "$@" >"$out" 2>"$err" || code=$?
  [ "$code" = "$expected" ] || fail "$last: exit code $code, expected $expected"
}

says() {
  grep -qF -- "$1" "$err" || fail "$last: stderr lacks '$1'"
  [ "$(grep -c '^ingot: error: ' "$err")" = 1 ] || fail "$last: not one error"
  [ "$(head -c 14 "$err")" = "ingot: error: " ] || fail "$last: stderr begins otherwise"
}

needs() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || fail "$tool is missing; scripts/setup.sh --tests installs it"
  done
}

has() {
  if command -v "$1" >/dev/null; then return 0; fi
  [ -z "${INGOT_REQUIRE_ALL-}" ] || needs "$1"
  echo "left out: what needs $1, which is missing"
  return 1
}

prints() {
  grep -qF -- "$1" "$out" || fail "$last: stdout lacks '$1'"
}

# one_line: the error is a single line.
one_line() {
  [ "$(wc -l <"$err")" = 1 ] || fail "$last: the error is more than a line"
}

same() {
  cmp -s "$1" "$2" || fail "$1 and $2 differ"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
  local tries=$(($1 * 50))
  shift
  while ! "$@" 2>/dev/null; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.02
  done
}
