#!/usr/bin/env python3
"""Training steps on an idle machine and beside neighbours that compute.

Usage: scripts/bench_busy.py [--models mobilenet_v2:4,...] [--neighbours 0,1,2] [--seconds 6] [--rounds 3]
                             [--binary FILE]... [--pytorch] [--json FILE]

A neighbour is a process that computes without pause. Every program (each --binary, and PyTorch where asked for)
runs alone beside the neighbours, in turn, --rounds times; quoted are medians over the rounds of milliseconds a
step (seconds by steps), and how many times the idle step that is. Needs: build/bin/bench/train_step_bench
(scripts/build.sh builds it), torch and safetensors (pip) for weights and for --pytorch.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from step_program import Case, StepProgram
from torch_models import MODELS

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT = os.path.join(HERE, "..", "build", "bin", "bench", "train_step_bench")


def neighbours(count):
    spin = "while True: pass"
    return [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(count)]


def torch_worker(model, weights, batch, threads):
    """The PyTorch half, a process of its own that speaks train_step_bench's language."""
    torch.set_num_threads(threads)
    net = MODELS[model][0]()
    net.load_state_dict(load_file(weights))
    net.train()
    data = load_file(batch)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    for line in sys.stdin:
        times = []
        for _ in range(int(line.split()[1])):
            start = time.perf_counter()
            adam.zero_grad()
            F.cross_entropy(net(data["images"]), data["labels"]).backward()
            adam.step()
            times.append((time.perf_counter() - start) * 1e3)
        print(*times, flush=True)


def torch_program(case, threads):
    return StepProgram([sys.executable, os.path.abspath(__file__), "--torch-worker", case.name, case.weights, case.batch,
                        str(threads)])


def sample(program, seconds):
    """Mean milliseconds of the steps that fit into `seconds`, after one that is not counted. Not their median: a
    step may be shorter than the scheduler's time slice, and then most steps see no neighbour while a few wait
    for a whole slice."""
    first = program.run(1)[0]
    times, start = [], time.perf_counter()
    while not times or time.perf_counter() - start < seconds:
        times += program.run(max(1, min(20, int(200 / first))))
    return statistics.fmean(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="mobilenet_v2:4,resnet18:4,lenet5:64", help="MODEL:BATCH,...")
    parser.add_argument("--neighbours", default="0,1,2")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--binary", action="append", help="train_step_bench; several are compared")
    parser.add_argument("--pytorch", action="store_true")
    parser.add_argument("--json")
    args = parser.parse_args()
    rows = []
    print("| model | batch | program | " + " | ".join(f"{n} neighbours" for n in args.neighbours.split(",")) + " |")
    print("|---" * (3 + len(args.neighbours.split(","))) + "|", flush=True)
    for case in args.models.split(","):
        name, size = case.split(":")
        with tempfile.TemporaryDirectory() as folder:
            made = Case(folder, name, int(size))
            programs = {b: (lambda b=b: made.program(b, args.threads)) for b in args.binary or [DEFAULT]}
            if args.pytorch:
                programs["pytorch"] = lambda: torch_program(made, args.threads)
            found = {p: {} for p in programs}
            for count in map(int, args.neighbours.split(",")):
                for _ in range(args.rounds):
                    for label, start in programs.items():
                        program, beside = start(), neighbours(count)
                        try:
                            found[label].setdefault(count, []).append(sample(program, args.seconds))
                        finally:
                            for b in beside:
                                b.send_signal(signal.SIGKILL)
                                b.wait()
                            program.close()
        for label, by_count in found.items():
            medians = {c: statistics.median(v) for c, v in by_count.items()}
            idle = medians[min(medians)]
            print(f"| {name} | {size} | {label} | " +
                  " | ".join(f"{m:.1f} ({m / idle:.2f})" for m in medians.values()) + " |", flush=True)
            rows.append({"model": name, "batch_size": int(size), "program": label, "samples_ms": by_count})
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"torch": torch.__version__, "rows": rows}, f, indent=1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--torch-worker"]:
        torch_worker(*sys.argv[2:5], int(sys.argv[5]))
    else:
        main()
