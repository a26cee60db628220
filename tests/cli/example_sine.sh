#!/usr/bin/env bash
# The cubic found by hand-written gradients is near the least-squares one (b = 0.8570, d = -0.0933 in
# closed form; 2,000 steps leave about 2 % of the way), and the loss near its minimum of 8.8.
set -euo pipefail
example="$(cd "$(dirname "$INGOT_BIN")" && pwd)/examples/sine"
out=$("$example")
echo "$out"
grep -q '2,000 points, 2000 steps' <<<"$out"
[ "$(grep -c '^step ' <<<"$out")" = 10 ]
awk '/^step 2000 / { loss = $4 }
  /^y = / { a = $3; b = $5; c = $8; d = $11; found = 1 }
  function near(x, y, by) { return x - y < by && y - x < by }
  END {
    exit !(found && near(a, 0, 0.02) && near(b, 0.857, 0.02) && near(c, 0, 0.005) &&
           near(d, -0.0933, 0.004) && loss > 8.8 && loss < 9.2)
  }' <<<"$out"

# Eager mode computes the same bits.
[ "$(INGOT_EAGER=1 "$example")" = "$out" ]
