#!/usr/bin/env bash
# Custom gradients: gradcheck passes the right ones, refuses the pretended one, and that one trains.
set -euo pipefail
example="$(cd "$(dirname "$INGOT_BIN")" && pwd)/examples/custom_op"
out=$("$example")
echo "$out"
grep -q 'composed 0.00, with its own gradient 0.50' <<<"$out"
grep -q '^softplus, first order *ok' <<<"$out"
grep -q '^softplus, second order *ok' <<<"$out"
grep -q '^quantize (as it must) *FAILED: input 0, element ' <<<"$out"
grep -q '^rounded weights 0.500 -1.250 2.000 0.125$' <<<"$out"
