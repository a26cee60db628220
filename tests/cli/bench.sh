# ingot bench: tables, JSON rows and refusals. No timing is judged.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"

check 0 ingot bench train --models mlp,lenet5 --batch-size 4,24 --devices all --images 100
for word in model device batch "median ms" "first ms" images/s "peak memory" speed-up; do prints "$word"; done
grep -Eq '^mlp +cpu +4 .* 100 .* 1\.00$' "$out" || fail "no row for the mlp in batches of 4"
grep -Eq '^lenet5 +cpu +24 ' "$out" || fail "no row for lenet5 in batches of 24"

check 0 ingot bench train --models mlp --batch-size 24 --images 100 --devices cpu --json
cp "$out" rows.json
grep -q '^mlp ' "$err" || fail "the table is not on stderr when stdout is JSON"
check 0 ingot bench train --models squeezenet1_1 --batch-size 2 --steps 2 --json steps.json
check 0 ingot bench train --models mlp --batch-size 100 --images 100 --json single.json
check 0 ingot bench train --models mlp --batch-size 4 --images 7 --devices cpu --json seven.json
grep -Eq '^mlp +cpu +4 .* 7 ' "$out" || fail "seven images are not counted as seven"
check 0 ingot bench matmul --size 64,96 --repeat 3 --devices all --json products.json
for word in device size GFLOP/s "peak memory"; do prints "$word"; done

needs python3
python3 - <<'PY' >"$out" 2>"$err" || fail "the JSON is not what it should be"
import json

def rows(file):
    with open(file) as f:
        return json.load(f)

(row,) = rows("rows.json")
assert row["model"] == "mlp" and row["device"] == "cpu" and row["batch_size"] == 24, row
# Four whole batches, the first apart, and four images that are left over.
assert len(row["samples"]) == 3 and row["images"] == 100, row
assert sorted(row["samples"])[1] == row["median_step_seconds"] > 0
assert row["seconds"] >= row["first_step_seconds"] + sum(row["samples"])
assert abs(row["images_per_second"] * row["median_step_seconds"] - 24) < 1e-6
assert row["peak_bytes"] > 4 * 235146 * 3 and row["speedup_vs_cpu"] == 1
assert set(row["versions"]) >= {"ingot", "compiler", "onednn", "simd", "threads"}, row
(row,) = rows("steps.json")
assert len(row["samples"]) == 2 and row["images"] == 6, row
(row,) = rows("single.json")
assert len(row["samples"]) == 1 and row["images"] == 100, row
assert row["seconds"] == row["samples"][0], row
(row,) = rows("seven.json")
assert len(row["samples"]) == 1 and row["images"] == 7, row
first, second = rows("products.json")
assert [first["size"], second["size"]] == [64, 96] and first["device"] == "cpu"
assert len(first["samples"]) == 3 and first["first_seconds"] > 0 and first["dtype"] == "float32"
assert abs(first["gflops"] - 2 * 64**3 / first["median_seconds"] * 1e-9) < 1e-6 * first["gflops"]
PY

# usage TEXT ARGUMENTS...: exit code 2 and one line that has TEXT.
usage() {
  local text=$1
  shift
  check 2 ingot "$@"
  says "$text"
  one_line
}
usage "bench: a command is needed; there are: train, matmul (see ingot bench --help)" bench
usage "bench: unknown command 'eval'; there are: train, matmul" bench eval
usage "bench train: --models is required" bench train
usage "bench train: --models: unknown model 'resnet19'; known are" bench train --models mlp,resnet19
usage "'gpu'" bench train --models mlp --devices cpu,gpu
usage "--batch-size: must be a whole number, 1 or more, not '0'" bench train --models mlp --batch-size 4,0
usage "--batch-size: must be a whole number" bench train --models mlp --batch-size 4,x
usage "--images: must be a whole number" bench train --models mlp --images -1
usage "--steps: must be a whole number" bench train --models mlp --steps 0
usage "--batch-size 64 needs as many images; there are 10 (--images)" bench train --models mlp --images 10
usage "--batch-size 2000 needs as many images; there are 1000 (mnist)" \
  bench train --models mlp --batch-size 2000 --images 3000
usage "bench train: unknown argument '--step'; did you mean --steps?" bench train --models mlp --step 3
usage "--size: must be at most 65536" bench matmul --size 100000
usage "--repeat: must be a whole number" bench matmul --repeat 0
if ! ingot devices 2>/dev/null | grep -q '^mps  *[a-z]*  *yes'; then
  check 1 ingot bench matmul --size 8 --devices mps
  says "device mps cannot be used: "
fi
check 1 ingot bench matmul --size 8 --json missing/r.json
says "missing/r.json: cannot write into the folder"
