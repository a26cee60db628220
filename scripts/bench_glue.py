#!/usr/bin/env python3
"""Fine-tuning on MRPC: a step of `ingot glue` beside one of transformers on PyTorch, in turn, with what both need of memory and to start.

    scripts/bench_glue.py --model FOLDER --data MRPC [--build build] [--batch 32] [--steps 12] [--threads 2] [--rounds 3] [--dynamic]

FOLDER holds a BERT in Hugging Face's form (all-MiniLM-L6-v2), MRPC its tsv files. A step's time is the difference between a training of
many steps and one of few, over the steps between them, on either side; memory is the peak of the process. "start" is from the start of the
program to the end of its first step. Needs: pip install torch transformers.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LENGTH = 128


def peer(args):
    """The same training with transformers; prints seconds of all steps and the peak in MB."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.set_num_threads(args.threads)
    torch.manual_seed(42)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForSequenceClassification.from_pretrained(args.model, num_labels=2)
    rows = [r.split("\t") for r in Path(args.data, "train.tsv").read_text("utf-8-sig").split("\n")[1:] if r]
    no_decay = [p for n, p in model.named_parameters() if "bias" in n or "LayerNorm" in n]
    decay = [p for n, p in model.named_parameters() if not ("bias" in n or "LayerNorm" in n)]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.0}, {"params": no_decay, "weight_decay": 0.0}], lr=5e-5, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: max(0.0, 1 - s / args.peer_steps))
    model.train()
    first, begin = None, time.perf_counter()
    for step in range(args.peer_steps):
        part = rows[step * args.batch:(step + 1) * args.batch]
        x = tokenizer([r[3] for r in part], [r[4] for r in part], truncation=True, max_length=LENGTH,
                      padding=True if args.dynamic else "max_length", return_tensors="pt")
        model.zero_grad()
        loss = model(**x, labels=torch.tensor([int(r[0]) for r in part])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        loss.item()
        first = first or time.time()
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "first": first}))


def watch(command, env):
    """Runs a command: its output, the time of its first step and its peak of memory in MB."""
    started = time.time()
    errors = tempfile.TemporaryFile("w+")
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
    lines, first = [], None
    for line in process.stdout:
        lines.append(line)
        if first is None and line.startswith("{'loss'"):
            first = time.time()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        errors.seek(0)
        sys.exit(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{errors.read()[-2000:]}")
    return lines, started, first, usage.ru_maxrss / 1024


def ours(args, steps):
    with tempfile.TemporaryDirectory() as folder:
        command = [ROOT / args.build / "bin/ingot", "glue", "--model_name_or_path", args.model, "--task_name", "mrpc", "--data_dir", args.data, "--do_train",
                   "--use_cpu", "--max_seq_length", str(LENGTH), "--pad_to_max_length", str(not args.dynamic), "--per_device_train_batch_size", str(args.batch),
                   "--max_steps", str(steps), "--save_strategy", "no", "--logging_first_step", "--output_dir", folder]
        env = dict(os.environ, INGOT_NUM_THREADS=str(args.threads), OMP_NUM_THREADS=str(args.threads))
        _, started, first, peak = watch(list(map(str, command)), env)
        return json.loads(Path(folder, "train_results.json").read_text())["train_runtime"], peak, first - started


def theirs(args, steps):
    command = [sys.executable, __file__, "--model", args.model, "--data", args.data, "--batch", str(args.batch), "--threads", str(args.threads),
               "--peer-steps", str(steps)] + (["--dynamic"] if args.dynamic else [])
    lines, started, _, _ = watch(command, dict(os.environ))
    result = json.loads(lines[-1])
    return result["seconds"], result["peak"], result["first"] - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--build", default="build")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dynamic", action="store_true", help="pad to the longest of each batch, not to 128")
    parser.add_argument("--peer-steps", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer_steps:
        peer(args)
        return
    few, rows = 2, []
    for _ in range(args.rounds):
        row = []
        for side in (ours, theirs):
            short, _, start = side(args, few)
            long, peak, _ = side(args, few + args.steps)
            row.append(((long - short) / args.steps, peak, start))
        rows.append(row)
        (a, pa, sa), (b, pb, sb) = row
        print(f"step {a * 1e3:.0f} ms, transformers {b * 1e3:.0f} ms: {b / a:.2f}x   peak {pa:.0f} MB, {pb:.0f} MB: {pa / pb:.2f}x   "
              f"start {sa:.2f} s, {sb:.2f} s", flush=True)
    print(f"median {statistics.median(r[1][0] / r[0][0] for r in rows):.2f}x")


if __name__ == "__main__":
    main()
