#!/usr/bin/env bash
# The device tour: every device with its figures or its reason, dtypes, memory going up and down.
set -euo pipefail
example="$(cd "$(dirname "$INGOT_BIN")" && pwd)/examples/devices"
out=$("$example")
echo "$out"
for device in cpu cuda:0 mps; do
  grep -Eq "^$device +(not available: .{10,}|.+ MiB free)$" <<<"$out"
done
grep -Eq '^best    (cpu|cuda:0|mps)$' <<<"$out"
[ "$(awk '/^dtype /{on = 1; next} !NF {on = 0} on' <<<"$out" | wc -l)" = 10 ]
grep -Eq '^float64 +8 ' <<<"$out"
grep -Eq '^x on .*\(not computed yet\)$' <<<"$out"
# 256x1024 and 1024x1024 floats and as many results: 6 MiB at least while they are held.
awk '/^after layer/ { during = $3 } /^after empty_cache/ { after = $3; kept = $11 }
  END { exit !(during >= 6 && after <= during && kept == 0) }' <<<"$out"
