#!/usr/bin/env python3
"""Times examples/sine.cpp beside the same program in PyTorch, in turn.

    scripts/bench_sine.py [--rounds N] [PROGRAM]

Needs torch. About 25 operations of 2,000 numbers a step: what is measured is the cost of an
operation, not of its arithmetic. Ingot's time for 2,000 steps is a tenth of the difference between
runs of 22,000 and of 2,000, so that starting the program does not count.
"""

import argparse
import math
import os
import statistics
import subprocess
import time

import torch

STEPS = 2000


def ingot_seconds(program):
    def run(steps):
        start = time.perf_counter()
        subprocess.run([program, str(steps)], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    return (run(11 * STEPS) - run(STEPS)) / 10


def torch_seconds():
    start = time.perf_counter()
    x = torch.linspace(-math.pi, math.pi, 2000)
    y = torch.sin(x)
    a, b, c, d = (torch.randn(()) for _ in range(4))
    rate = 1e-6
    for step in range(1, STEPS + 1):
        x2 = x * x
        x3 = x2 * x
        error = a + b * x + c * x2 + d * x3 - y
        slope = 2 * error
        a -= rate * slope.sum()
        b -= rate * (slope * x).sum()
        c -= rate * (slope * x2).sum()
        d -= rate * (slope * x3).sum()
        if step % 200 == 0:
            error.square().sum().item()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", default="build/bin/examples/sine")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch_seconds()
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(ingot_seconds(options.program))
        theirs.append(torch_seconds())
    print(f"{STEPS} steps, medians of {options.rounds} rounds in turn, {os.cpu_count()} cores")
    print(f"ingot          {1e3 * statistics.median(ours):7.1f} ms")
    print(f"torch {torch.__version__.split('+')[0]:<8} {1e3 * statistics.median(theirs):7.1f} ms")
    ratios = [t / o for o, t in zip(ours, theirs)]  # above 1: Ingot is faster
    print(f"torch / ingot  {statistics.median(ratios):7.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
