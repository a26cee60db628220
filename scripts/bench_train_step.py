#!/usr/bin/env python3
"""Paired timing of training steps: Ingot against PyTorch eager, in turn, in one run.

Usage: scripts/bench_train_step.py [--models lenet5,resnet18] [--batch-sizes 64,4] [--threads 2]
                                   [--rounds 7] [--json FILE]

Needs: torch, safetensors (pip), and build/bin/bench/train_step_bench (scripts/build.sh builds it).

Both sides start from the same weights and the same batch; the loss of the first step must agree
before anything is timed. A step is forward, cross-entropy, backward and one Adam update, float32.
Quoted are medians and the ratio PyTorch / Ingot pair by pair: above 1, Ingot is faster.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc3(F.relu(self.fc2(x)))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                            nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class ResNet18(nn.Module):
    """The published architecture, with torchvision's names."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for i, outputs in enumerate([64, 128, 256, 512], start=1):
            stride = 1 if i == 1 else 2
            setattr(self, f"layer{i}", nn.Sequential(Block(inputs, outputs, stride), Block(outputs, outputs, 1)))
            inputs = outputs
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


MODELS = {"lenet5": (LeNet5, (1, 28, 28)), "resnet18": (ResNet18, (3, 224, 224))}


class Ingot:
    def __init__(self, binary, model, weights, batch, threads):
        env = dict(os.environ, OMP_NUM_THREADS=str(threads))
        self.process = subprocess.Popen([binary, model, weights, batch, str(threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=env)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("train_step_bench stopped")
        return [float(x) for x in answer.split()]

    def run(self, steps):
        return self.ask(f"run {steps}")


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


def measure(binary, name, batch_size, threads, rounds, folder):
    make, shape = MODELS[name]
    torch.manual_seed(0)
    net = make().train()
    images = torch.randn(batch_size, *shape)
    labels = torch.randint(0, 10, (batch_size,))
    weights, batch = os.path.join(folder, "weights.safetensors"), os.path.join(folder, "batch.safetensors")
    save_file({k: v.contiguous() for k, v in net.state_dict().items()}, weights)
    save_file({"images": images, "labels": labels}, batch)
    ingot = Ingot(binary, name, weights, batch, threads)
    # The statistics of batch-norm move with every training forward, on both sides alike.
    with torch.no_grad():
        expected = F.cross_entropy(net(images), labels).item()
    loss = ingot.ask("loss")[0]
    if abs(loss - expected) > 1e-3 * abs(expected):
        raise SystemExit(f"{name}: losses differ, {loss} and {expected}: nothing to time")
    peer = Torch(net, images, labels)
    first = {"ingot": ingot.run(1)[0], "pytorch": peer.run(1)[0]}
    per_round = max(1, min(50, int(400 / max(1.0, peer.run(2)[-1]))))
    ingot.run(2)
    samples = {"ingot": [], "pytorch": []}
    for _ in range(rounds):  # A B A B …
        samples["ingot"].append(statistics.median(ingot.run(per_round)))
        samples["pytorch"].append(statistics.median(peer.run(per_round)))
    ingot.process.stdin.close()
    ingot.process.wait()
    ratios = [p / i for i, p in zip(samples["ingot"], samples["pytorch"])]
    return {"model": name, "batch_size": batch_size, "threads": threads, "loss": loss, "loss_pytorch": expected,
            "first_step_ms": first, "steps_per_sample": per_round, "samples_ms": samples,
            "median_ms": {k: statistics.median(v) for k, v in samples.items()},
            "ratio": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="lenet5,resnet18")
    parser.add_argument("--batch-sizes", default="64,4")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
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
                row = measure(args.binary, name, size, args.threads, args.rounds, folder)
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
