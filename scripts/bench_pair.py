#!/usr/bin/env python3
"""Two builds of Ingot against each other, in turn, in one run: before and after a change.

Usage: scripts/bench_pair.py BEFORE AFTER micro NAME_bench [--filter REGEX] [--pairs 15] [--min-time 0.05]
       scripts/bench_pair.py BEFORE AFTER steps [--models lenet5:64,...] [--pairs 15] [--seconds 20]

BEFORE and AFTER are folders that hold benchmark programs (build/bin/bench). `micro` runs a Google Benchmark
program of both, by turns; `steps` takes training steps (forward, cross-entropy, backward, Adam) of both, by
turns, from the same weights and batch. Quoted are medians and the ratio AFTER / BEFORE pair by pair: above 1,
AFTER is slower. Which of the two goes first changes from pair to pair. `steps` needs torch and safetensors (pip).
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time


def ratios(before, after):
    found = [a / b for b, a in zip(before, after)]
    return f"{statistics.median(found):.3f} ({min(found):.2f}..{max(found):.2f})"


def run_micro(folder, args):
    """Name of a benchmark: (its number, unit). Costs of a node where it counts them, else times."""
    command = [os.path.join(folder, args.program), "--benchmark_format=json", f"--benchmark_min_time={args.min_time}"]
    if args.filter:
        command.append(f"--benchmark_filter={args.filter}")
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {b["name"]: (b["per_node"] * 1e6, "us/node") if "per_node" in b else (b["real_time"], b["time_unit"])
            for b in json.loads(out)["benchmarks"]}


def micro(args):
    samples = {}
    for pair in range(args.pairs):
        for folder in in_turn(args, pair):
            for name, (value, unit) in run_micro(folder, args).items():
                samples.setdefault((name, unit), {}).setdefault(folder, []).append(value)
    print("| benchmark | unit | before | after | after / before (min..max) |\n|---|---|---|---|---|")
    for (name, unit), by_folder in samples.items():
        if len(by_folder) == 2:
            before, after = by_folder[args.before], by_folder[args.after]
            print(f"| {name} | {unit} | {statistics.median(before):.4g} | {statistics.median(after):.4g} | "
                  f"{ratios(before, after)} |")


def in_turn(args, pair):
    return (args.before, args.after) if pair % 2 == 0 else (args.after, args.before)


def steps(args):
    from step_program import Case  # needs torch
    print("| model | batch | before ms | after ms | after / before (min..max) | pairs |\n|---|---|---|---|---|---|", flush=True)
    for case in args.models.split(","):
        name, size = case.split(":")
        with tempfile.TemporaryDirectory() as folder:
            made = Case(folder, name, int(size))
            programs = {f: made.program(os.path.join(f, "train_step_bench"), args.threads)
                        for f in (args.before, args.after)}
            for p in programs.values():
                p.run(2)
            per_sample = max(1, min(50, int(100 / programs[args.before].run(1)[0])))
            samples, start = {args.before: [], args.after: []}, time.perf_counter()
            for pair in range(args.pairs):
                if pair >= 3 and time.perf_counter() - start > args.seconds:
                    break
                for f in in_turn(args, pair):  # the first step after the other's turn is not counted
                    samples[f].append(statistics.median(programs[f].run(per_sample + 1)[1:]))
            for p in programs.values():
                p.close()
        before, after = samples[args.before], samples[args.after]
        print(f"| {name} | {size} | {statistics.median(before):.2f} | {statistics.median(after):.2f} | "
              f"{ratios(before, after)} | {len(before)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("micro")
    one.add_argument("program")
    one.add_argument("--filter")
    one.add_argument("--min-time", type=float, default=0.05)
    one.set_defaults(run=micro)
    two = commands.add_parser("steps")
    two.add_argument("--models", default="lenet5:64,alexnet:4,vgg16:1,resnet18:4,mobilenet_v2:4,efficientnet_b0:4,"
                                         "squeezenet1_0:4")
    two.add_argument("--threads", type=int, default=2)
    two.add_argument("--seconds", type=float, default=20, help="for each model, at least three pairs")
    two.set_defaults(run=steps)
    for command in (one, two):
        command.add_argument("--pairs", type=int, default=15)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
