# docs/options.md is what the commands' tables say.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

check 0 ingot manual
for word in "## ingot train" "## ingot bench matmul" '`--batch-size N`' "| fixed |" "| kept |"; do prints "$word"; done
diff "$INGOT_SOURCE_DIR/docs/options.md" "$out" >difference ||
  fail "docs/options.md is stale; ingot manual > docs/options.md renews it: $(head -n 5 difference)"
check 2 ingot manual page
