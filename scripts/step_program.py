"""Training steps on request: what the benchmarks of steps share. Imported by them, not run."""
import os
import subprocess

import torch
from safetensors.torch import save_file

from torch_models import MODELS


class StepProgram:
    """A process that takes steps when asked: train_step_bench, or one that speaks its language."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{os.path.basename(self.process.args[0])} stopped")
        return [float(x) for x in answer.split()]

    def run(self, steps):
        """Milliseconds of each."""
        return self.ask(f"run {steps}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Case:
    """A model and a batch with seed 0, and both as files in `folder`, for several programs to start from."""

    def __init__(self, folder, name, batch_size):
        make, shape = MODELS[name]
        torch.manual_seed(0)
        self.name = name
        self.net = make()
        self.images = torch.randn(batch_size, *shape)
        self.labels = torch.randint(0, 10, (batch_size,))
        self.weights = os.path.join(folder, "weights.safetensors")
        self.batch = os.path.join(folder, "batch.safetensors")
        save_file({k: v.contiguous() for k, v in self.net.state_dict().items()}, self.weights)
        save_file({"images": self.images, "labels": self.labels}, self.batch)

    def program(self, binary, threads, env=None):
        return StepProgram([binary, self.name, self.weights, self.batch, str(threads)], env)
