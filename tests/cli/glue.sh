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

# ingot predict takes sentences for such a folder: one pair, or a file of them.
check 0 ingot predict new --text "the cat sleeps ." --text-pair "a dog runs ." --json pair.json --csv pair.csv
prints "second text"
grep -Eq '^the cat sleeps \. +a dog runs \. +[0-9.]+ % +(not_)?equivalent *$' "$out" || fail "no class"
[ "$(head -n 1 pair.csv)" = "text,text_pair,rank,class,index,probability" ] || fail "pair.csv: another heading"
python3 - pair.json <<'PYTHON' || fail "pair.json"
import json, sys
(text,) = json.load(open(sys.argv[1]))["texts"]
p = text["predictions"]
assert text["text_pair"] == "a dog runs ." and {x["class"] for x in p} == {"equivalent", "not_equivalent"}, text
assert p[0]["probability"] >= p[1]["probability"] and abs(sum(x["probability"] for x in p) - 1) < 1e-5, p
PYTHON
printf 'sentence1,sentence2\nthe cat sleeps .,a dog runs .\n"a cat, and",the cat\n' >pairs.csv
check 0 ingot predict new pairs.csv --top 1 --csv -
[ "$(wc -l <"$out")" = 3 ] || fail "pairs.csv: not two rows and a heading"
grep -q '^"a cat, and",the cat,1,' "$out" || fail "pairs.csv: names are not quoted"
[ "$(sed -n 2p "$out" | cut -d, -f1-5)" = "$(sed -n 2p pair.csv | cut -d, -f1-5)" ] || fail "a file says other than --text"
check 2 ingot predict new
says "new is a model of sentences: give it --text, or csv or json files of sentences"
check 2 ingot predict new --text-pair x
says "give it --text"
check 2 ingot predict new --text x --image-size 8
says "--image-size is for models of images; new holds one of sentences"
check 2 ingot predict glue-example/data --text x
says "--text: glue-example/data holds no model of sentences"
check 1 ingot predict new missing.csv
says "missing.csv"

# ingot eval says what measures it; ingot runs does not take it for a run that was cut off.
check 2 ingot eval new --data folder:x
says "new holds a model of sentences: ingot glue --model_name_or_path new --do_eval"
check 0 ingot runs .
prints "no runs"
! grep -q unread "$out" || fail "ingot runs: unread"

# Lists take several values, or commas.
check 0 glue --task_name mrpc --do_eval --report_to tensorboard wandb --max_eval_samples 4 --output_dir lists
prints "--report_to changes nothing"
check 2 glue "${base[@]}" --label_names a b
says "--label_names cannot be honoured"

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
