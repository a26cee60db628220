# The demo's training (the very options of scripts/demo.sh) reads more than nine digits in ten.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

# The command may go on over several lines.
command=$(sed -n '/^build\/bin\/ingot train/,/[^\\]$/p' "$INGOT_SOURCE_DIR/scripts/demo.sh" | tr -d '\\\n')
command=${command#build/bin/ingot train }
read -r -a options <<<"${command%%--out*}"
[ "${#options[@]}" -gt 3 ] || fail "scripts/demo.sh: no line 'build/bin/ingot train … --out'"

check 0 ingot train "${options[@]}" --out run --json result.json
grep -q '"state": "finished"' result.json || fail "result.json: not finished"

check 0 ingot eval --model lenet5 --weights run/model.safetensors --data mnist --json
prints '"count": 1000'
accuracy=$(sed -n 's/.*"accuracy": \([0-9.e-]*\).*/\1/p' "$out")
awk -v a="$accuracy" 'BEGIN { exit !(a > 0.9 && a <= 1) }' || fail "test accuracy '$accuracy'"
