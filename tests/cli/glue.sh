# ingot glue: a worked fine-tuning of a tiny BERT, its flags in both spellings, and what is said of
# wrong ones.
source "$INGOT_SOURCE_DIR/tests/cli/lib/common.bash"
example="$(cd "$(dirname "$INGOT_BIN")" && pwd)/examples/glue"

# The example leaves glue-example/tiny-bert and glue-example/data behind.
check 0 "$example"
glue() { ingot glue --model_name_or_path glue-example/tiny-bert --data_dir glue-example/data "$@"; }
base=(--task_name mrpc --do_train --do_eval --max_seq_length 32 --learning_rate 5e-3)

# The spelling of 2022, and that of today.
check 0 glue "${base[@]}" --per_gpu_train_batch_size=32 --num_train_epochs 4 --evaluation_strategy epoch \
  --overwrite_output_dir --use_mps_device --no_cuda --output_dir old --seed 3
prints "Process rank: 0, device: cpu, n_gpu: 0"
prints "--use_mps_device changes nothing"
prints "***** train metrics *****"
prints "'eval_accuracy': '"
check 0 glue "${base[@]}" --per_device_train_batch_size 32 --num_train_epochs 4 --eval_strategy epoch \
  --do_eval True --use_cpu --output_dir new --seed 3 --report_to none
cmp old/model.safetensors new/model.safetensors || fail "other weights"
[ -s new/trainer_state.json ] || fail "no trainer_state.json"
grep -q '"eval_accuracy"' new/all_results.json || fail "no accuracy in all_results.json"

# A folder that is there: nothing is lost, and nothing trained twice.
check 0 glue "${base[@]}" --per_device_train_batch_size 32 --num_train_epochs 4 --use_cpu \
  --output_dir new --seed 3
prints "going on from new/checkpoint-12 after step 12"
mkdir mine && echo notes >mine/notes.txt
check 1 glue "${base[@]}" --output_dir mine
says "--output_dir mine has files already; --overwrite_output_dir"

# Ctrl-C saves, says how to go on, also where the same command would begin anew, and ends with 130.
long=("${base[@]}" --per_device_train_batch_size 32 --num_train_epochs 2000 --use_cpu --save_steps 100000 \
  --logging_steps 1 --overwrite_output_dir --save_only_model --output_dir stopped)
"$INGOT_BIN" glue --model_name_or_path glue-example/tiny-bert --data_dir glue-example/data "${long[@]}" \
  >"$out" 2>"$err" &
pid=$!
for _ in $(seq 600); do
  grep -q "'loss'" "$out" && break
  sleep 0.1
done
kill -INT $pid
code=0
wait $pid || code=$?
[ "$code" = 130 ] || fail "after Ctrl-C: exit code $code, expected 130"
last="glue after Ctrl-C"
prints "the same command with --resume_from_checkpoint stopped/checkpoint-"
saved=$(grep -o 'resume_from_checkpoint stopped/checkpoint-[0-9]*' "$out" | cut -d' ' -f2)
check 0 glue "${long[@]}" --resume_from_checkpoint "$saved" --max_steps "${saved##*-}"
prints "going on from $saved after step"

# A file of flags.
echo '{"model_name_or_path": "new", "task_name": "mrpc", "data_dir": "glue-example/data",
  "do_eval": true, "output_dir": "from-file"}' >flags.json
check 0 ingot glue flags.json
prints "***** eval metrics *****"
check 2 ingot glue flags.json --do_train
says "flags.json holds all flags; --do_train cannot be added"

check 2 glue --task_name mrcp --output_dir x
says "unknown task 'mrcp'; there are: cola, mnli, mrpc"
check 2 glue "${base[@]}" --fp16
says "--fp16 cannot be honoured"
check 2 glue "${base[@]}" --lerning_rate 3
says "did you mean --learning_rate?"
check 2 ingot glue --task_name mrpc
says "--model_name_or_path is required"
check 1 ingot glue --model_name_or_path glue-example/data --task_name mrpc --data_dir \
  glue-example/data --do_train --output_dir x
says "glue-example/data"
printf 'Quality\t#1 String\t#2 String\n1\ta\tcaf\xe9\n' >glue-example/data/dev.tsv
check 1 glue --task_name mrpc --do_eval --output_dir x
says "dev.tsv:2: byte 7 of the line (0xe9) is no UTF-8"
