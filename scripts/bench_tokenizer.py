#!/usr/bin/env python3
"""Ingot's tokenizers against Hugging Face's, in turn, on one core.

    scripts/bench_tokenizer.py [--build build] [--pairs FILE.tsv] [--gpt2 FOLDER] [--rounds 9]

FILE.tsv is GLUE's MRPC (train.tsv); without it, the lines of the manual are encoded. FOLDER has GPT-2's vocab.json
and merges.txt. Needs: pip install tokenizers. That both give the same ids, the tests say. Hugging Face's side is timed in
Python around one encode_batch call: what Python adds is one object for each text, and its results stay in Rust.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers  # noqa: E402: the number of threads is read when it is imported
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


def read_pairs(path):
    if not path:
        return [(line, "") for line in (ROOT / "docs/tensors.md").read_text("utf-8").splitlines()]
    rows = Path(path).read_text("utf-8-sig").split("\n")[1:]
    return [tuple(row.split("\t")[3:5]) for row in rows if row]


def bert():
    lines = (ROOT / "tests/fixtures/text/bert-base-uncased-vocab.txt").read_text("utf-8").split("\n")[:-1]
    vocab = {line: i for i, line in enumerate(lines)}
    tk = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tk.normalizer = normalizers.BertNormalizer()
    tk.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tk.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[(t, vocab[t]) for t in ("[CLS]", "[SEP]")])
    tk.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return tk


def byte_level(folder):
    if not folder:
        return Tokenizer.from_file(str(ROOT / "tests/fixtures/text/gpt2.json"))
    tk = Tokenizer(models.BPE.from_file(str(Path(folder) / "vocab.json"), str(Path(folder) / "merges.txt")))
    tk.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tk.post_processor = processors.ByteLevel(trim_offsets=True)
    tk.decoder = decoders.ByteLevel()
    return tk


def timed(tk, pairs, seconds):
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        tk.encode_batch(pairs)
        count += 1
    return (time.perf_counter() - begin) / count * 1e3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--pairs")
    parser.add_argument("--gpt2")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5)
    args = parser.parse_args()
    pairs = read_pairs(args.pairs)
    program = os.path.join(args.build, "bin/bench/tokenizer_bench")
    kinds = {"BM_BertUncased": bert(), "BM_ByteLevelBpe": byte_level(args.gpt2)}
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as text:
        text.writelines(f"{a}\t{b}\n" for a, b in pairs)
        text.flush()
        environment = {**os.environ, "INGOT_BENCH_TEXT": text.name, "INGOT_NUM_THREADS": "1"}
        if args.gpt2:
            environment["INGOT_BENCH_BPE"] = args.gpt2

        def ingot(name):
            out = subprocess.run([program, f"--benchmark_filter={name}$", "--benchmark_format=json",
                                  f"--benchmark_min_time={args.seconds}"], check=True, capture_output=True, text=True,
                                 env=environment, cwd=ROOT).stdout
            return json.loads(out)["benchmarks"][0]["real_time"]

        print(f"tokenizers {tokenizers.__version__}, {len(pairs)} pairs, one core\n")
        print("| tokenizer | Ingot ms | Hugging Face ms | Hugging Face / Ingot (min..max) |\n|---|---|---|---|")
        for name, tk in kinds.items():
            tk.enable_truncation(128)
            timed(tk, pairs, 0.1), ingot(name)
            samples = []
            for turn in range(args.rounds):
                both = {}
                for side in ("ours", "theirs")[:: 1 if turn % 2 == 0 else -1]:
                    both[side] = ingot(name) if side == "ours" else timed(tk, pairs, args.seconds)
                samples.append((both["ours"], both["theirs"]))
            ratios = [theirs / ours for ours, theirs in samples]
            print(f"| {name[3:]} | {statistics.median(s[0] for s in samples):.2f} | "
                  f"{statistics.median(s[1] for s in samples):.2f} | {statistics.median(ratios):.2f} "
                  f"({min(ratios):.2f}..{max(ratios):.2f}) |", flush=True)


main()
