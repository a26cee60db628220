#!/usr/bin/env python3
"""Paired timing of training steps: Ingot against PyTorch eager, in turn, in one run.

Usage: scripts/bench_train_step.py [--models alexnet,...] [--batch-sizes 4,64] [--threads 2]
                                   [--seconds 30] [--rounds 15] [--json FILE]

Needs: torch, safetensors (pip), and build/bin/bench/train_step_bench (scripts/build.sh builds it).

Both sides start from the same weights and the same batch; the loss in evaluation mode (where dropout
is off) must agree before anything is timed. A step is forward, cross-entropy, backward and one Adam
update, float32, with dropout and stochastic depth. Each side takes one untimed step, then they take
turns until --seconds are spent on the case or --rounds are done, but at least once. Quoted are
medians and the ratio PyTorch / Ingot pair by pair: above 1, Ingot is faster.
"""
import argparse
import json
import os
import statistics
import tempfile
import time

import torch
import torch.nn.functional as F

from step_program import Case
from torch_models import MODELS

HERE = os.path.dirname(os.path.abspath(__file__))


class Torch:
    def __init__(self, net, images, labels):
        self.net, self.images, self.labels = net, images, labels
        self.adam = torch.optim.Adam(net.parameters(), lr=1e-3)

    def run(self, steps):
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            self.adam.zero_grad()
            F.cross_entropy(self.net(self.images), self.labels).backward()
            self.adam.step()
            times.append((time.perf_counter() - start) * 1e3)
        return times


def measure(binary, name, batch_size, args, folder):
    case = Case(folder, name, batch_size)
    net, images, labels = case.net, case.images, case.labels
    ingot = case.program(binary, args.threads, dict(os.environ, OMP_NUM_THREADS=str(args.threads)))
    with torch.no_grad():
        expected = F.cross_entropy(net.eval()(images), labels).item()
    net.train()
    loss = ingot.ask("loss")[0]
    if not abs(loss - expected) <= 1e-3 * abs(expected):
        raise SystemExit(f"{name}: losses differ, {loss} and {expected}: nothing to time")
    peer = Torch(net, images, labels)
    first = {"ingot": ingot.run(1)[0], "pytorch": peer.run(1)[0]}
    per_round = max(1, min(50, int(400 / max(first.values()))))
    samples = {"ingot": [], "pytorch": []}
    start = time.perf_counter()
    for done in range(args.rounds):  # A B A B …
        spent = time.perf_counter() - start
        if done and spent + spent / done > args.seconds:
            break
        samples["ingot"].append(statistics.median(ingot.run(per_round)))
        samples["pytorch"].append(statistics.median(peer.run(per_round)))
    ingot.close()
    ratios = [p / i for i, p in zip(samples["ingot"], samples["pytorch"])]
    return {"model": name, "batch_size": batch_size, "threads": args.threads, "loss": loss, "loss_pytorch": expected,
            "first_step_ms": first, "steps_per_sample": per_round, "samples_ms": samples,
            "median_ms": {k: statistics.median(v) for k, v in samples.items()},
            "ratio": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--batch-sizes", default="4,64")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=30, help="for each model and batch size")
    parser.add_argument("--binary", default=os.path.join(HERE, "..", "build", "bin", "bench", "train_step_bench"))
    parser.add_argument("--json")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = []
    print("| model | batch | Ingot ms | PyTorch ms | PyTorch / Ingot (min..max) | first step: Ingot, PyTorch ms |")
    print("|---|---|---|---|---|---|")
    for name in args.models.split(","):
        for size in map(int, args.batch_sizes.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                row = measure(args.binary, name, size, args, folder)
            rows.append(row)
            median, first = row["median_ms"], row["first_step_ms"]
            print(f"| {name} | {size} | {median['ingot']:.2f} | {median['pytorch']:.2f} | {row['ratio']:.2f} "
                  f"({row['ratio_min']:.2f}..{row['ratio_max']:.2f}) | {first['ingot']:.1f}, {first['pytorch']:.1f} |",
                  flush=True)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"torch": torch.__version__, "rows": rows}, f, indent=1)


if __name__ == "__main__":
    main()
