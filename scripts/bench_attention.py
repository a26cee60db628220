#!/usr/bin/env python3
"""Paired timing of scaled_dot_product_attention, forward and backward: Ingot against PyTorch eager.

Usage: scripts/bench_attention.py [--shape B,H,L,D] [--causal] [--threads 2] [--rounds 15] [--json FILE]

Needs: torch, safetensors (pip), and build/bin/bench/attention_bench (scripts/build.sh builds it).

Both sides start from the same query, key, value and gradient, float32 [B, H, L, D]. Their outputs
and the gradients of query, key and value must agree before anything is timed. They take turns
(A B A B …); quoted are medians and the ratio PyTorch / Ingot pair by pair: above 1, Ingot is faster.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))


class Ingot:
    def __init__(self, binary, folder, causal, threads):
        env = dict(os.environ, OMP_NUM_THREADS=str(threads))
        self.process = subprocess.Popen([binary, os.path.join(folder, "operands.safetensors"), str(int(causal)),
                                         str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=env)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("attention_bench stopped")
        return answer.split()

    def run(self, what, steps):
        return [float(x) for x in self.ask(f"{what} {steps}")]


class Torch:
    def __init__(self, operands, causal):
        self.query, self.key, self.value = (operands[k].requires_grad_() for k in ("query", "key", "value"))
        self.grad, self.causal = operands["grad"], causal

    def forward(self):
        return F.scaled_dot_product_attention(self.query, self.key, self.value, is_causal=self.causal)

    def step(self, what):
        if what == "forward":
            with torch.no_grad():
                return {"out": self.forward()}
        for t in (self.query, self.key, self.value):
            t.grad = None
        out = self.forward()
        out.backward(self.grad)
        return {"out": out.detach(), "query": self.query.grad, "key": self.key.grad, "value": self.value.grad}

    def run(self, what, steps):
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            self.step(what)
            times.append((time.perf_counter() - start) * 1e3)
        return times


def check(ingot, peer, folder):
    path = os.path.join(folder, "results.safetensors")
    ingot.ask(f"save {path}")
    ours = load_file(path)
    for name, expected in peer.step("both").items():
        worst = (ours[name] - expected).abs().max().item()
        if not worst <= 1e-4 * max(1.0, expected.abs().max().item()):
            raise SystemExit(f"{name}: results differ by {worst}: nothing to time")


def measure(what, ingot, peer, rounds):
    steps = max(1, min(50, int(200 / max(ingot.run(what, 3)[-1], peer.run(what, 3)[-1]))))
    samples = {"ingot": [], "pytorch": []}
    for _ in range(rounds):
        samples["ingot"].append(statistics.median(ingot.run(what, steps)))
        samples["pytorch"].append(statistics.median(peer.run(what, steps)))
    ratios = [p / i for i, p in zip(samples["ingot"], samples["pytorch"])]
    return {"what": what, "steps_per_sample": steps, "samples_ms": samples,
            "median_ms": {k: statistics.median(v) for k, v in samples.items()},
            "ratio": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="8,12,128,64", help="batch, heads, length, width of a head")
    parser.add_argument("--causal", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--binary", default=os.path.join(HERE, "..", "build", "bin", "bench", "attention_bench"))
    parser.add_argument("--json")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    shape = [int(n) for n in args.shape.split(",")]
    operands = {name: torch.randn(*shape) for name in ("query", "key", "value", "grad")}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        save_file(operands, os.path.join(folder, "operands.safetensors"))
        ingot, peer = Ingot(args.binary, folder, args.causal, args.threads), Torch(operands, args.causal)
        check(ingot, peer, folder)
        print("| attention | Ingot ms | PyTorch ms | PyTorch / Ingot (min..max) |\n|---|---|---|---|")
        for what in ("forward", "both"):
            row = measure(what, ingot, peer, args.rounds)
            rows.append(row)
            name = f"{args.shape}{' causal' if args.causal else ''}, {'forward' if what == 'forward' else 'and backward'}"
            print(f"| {name} | {row['median_ms']['ingot']:.2f} | {row['median_ms']['pytorch']:.2f} | {row['ratio']:.2f} "
                  f"({row['ratio_min']:.2f}..{row['ratio_max']:.2f}) |", flush=True)
        ingot.process.stdin.close()
        ingot.process.wait()
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"torch": torch.__version__, "shape": shape, "causal": args.causal, "threads": args.threads,
                       "rows": rows}, f, indent=1)


if __name__ == "__main__":
    main()
