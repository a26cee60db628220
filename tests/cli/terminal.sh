# On a terminal, training and evaluation show a bar in one line, which leaves nothing behind; the
# program is run on a pseudo-terminal.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"
: "${INGOT_ON_TERMINAL:?}"
export LC_ALL=C  # the bar is of = and -: bytes are columns

escape=$'\033'
back=$'\r'"$escape[K"  # to the start of the line, and erase it

# bars: what was drawn and erased again, one to a line.
bars() { awk '{ n = split($0, part, "\r\033[[]K"); for (i = 2; i < n; ++i) print part[i] }' "$out"; }
# screen: what is left of the output when each line shows only what came after its last erasure.
screen() { sed -e "s/.*\r$escape\[K//" -e 's/\r$//' "$out"; }
# widest: columns of the widest bar.
widest() { bars | awk '{ if (length > most) most = length } END { print most + 0 }'; }

# A bar shows after a tenth of a second: the run grows until it is long enough.
for limit in 300 1000 1000 1000; do
  epochs=$((${epochs:-1} * 3))
  options=(--model lenet5 --data mnist --limit $limit --batch-size 2 --workers 1 --epochs $epochs)
  check 0 "$INGOT_ON_TERMINAL" 110 "$INGOT_BIN" train "${options[@]}" --out run --overwrite
  [ "$(bars | wc -l)" -ge 3 ] && break
done
figures='loss [0-9.]+  accuracy [0-9.]+ %  [0-9,]+ images/s  [0-9:]+ left'
bars | grep -Eq "^epoch [0-9]+/$epochs  =*-*  +[0-9]+ %  $figures\$" || fail "no bar of the expected form"
[ -z "$(bars | grep -Ev "^epoch [0-9]+/$epochs( test)?  [=-]+  +[0-9]+ %  $figures\$")" ] ||
  fail "a bar of another form"
[ "$(widest)" -lt 110 ] || fail "a bar of $(widest) columns on a terminal of 110"
# What stays is what stays without a terminal, line for line but for the times.
screen >on_terminal
grep -q "$escape" on_terminal && fail "control characters are left on the screen"
check 0 ingot train "${options[@]}" --out run --overwrite
grep -q "$escape" "$out" && fail "control characters without a terminal"
grep -v '^epoch [0-9]*/[0-9]*  *[0-9]* %' "$out" >plain
without_times() { sed -E 's/[0-9,]+ images\/s  [0-9:]+$//' "$1"; }
[ "$(without_times on_terminal)" = "$(without_times plain)" ] || {
  diff <(without_times on_terminal) <(without_times plain)
  fail "on a terminal other lines are left"
}

# Narrow terminals: the figures are cut, so that the line does not wrap and can be erased.
for columns in 40; do
  check 0 "$INGOT_ON_TERMINAL" $columns "$INGOT_BIN" train "${options[@]}" --out run --overwrite
  [ "$(bars | wc -l)" -ge 1 ] || fail "no bar on $columns columns"
  [ "$(widest)" -lt $columns ] || fail "a bar of $(widest) columns on a terminal of $columns"
done

# A longer bar of other characters where the terminal knows them.
LC_ALL=C.UTF-8 check 0 "$INGOT_ON_TERMINAL" 120 "$INGOT_BIN" train "${options[@]}" --out run --overwrite
bars | grep -q '[━─]' || fail "no bar of lines"

# Ctrl-C, typed while the bar stands, saves; the message has a line of its own.
check 130 "$INGOT_ON_TERMINAL" 100 --type-at " left" $'\003' \
  "$INGOT_BIN" train "${options[@]}" --epochs 1000 --out stopped
screen >on_terminal
grep -q "^stopped in epoch [0-9]* of 1000; go on with: ingot train --out stopped --resume\$" on_terminal ||
  fail "no message after Ctrl-C"
[ -s stopped/checkpoint.safetensors ] || fail "nothing was saved"

# eval shows a bar, too, and takes it away.
check 0 "$INGOT_ON_TERMINAL" 100 "$INGOT_BIN" eval --model lenet5 --weights run/model.safetensors --data mnist
screen >on_terminal
grep -q "$escape" on_terminal && fail "eval leaves control characters"
grep -q '^test' on_terminal && fail "eval leaves its bar"

# With its JSON on the terminal, the text and the bar go where stderr goes.
check 0 "$INGOT_ON_TERMINAL" 100 bash -c '"$0" train "$@" --out run --overwrite --json - 2>stderr' "$INGOT_BIN" "${options[@]}"
grep -q "$escape" "$out" && fail "a bar among the JSON"
screen | head -n 1 | grep -q '^{' || fail "no JSON on the terminal"
exit 0
