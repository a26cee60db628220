#!/usr/bin/env python3
"""Lines per floor and the longest files, as Markdown. Usage: scripts/code_size.py"""
import os
import subprocess

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
FLOORS = [
    (7, ["apps", "python"]),
    (6, ["models", "train", "text", "glue", "data", "dist"]),
    (5, ["nn", "optim", "io", "export", "profile"]),
    (4, ["autograd"]),
    (3, ["ops"]),
    (2, ["plan"]),
    (1, ["backend"]),
    (0, ["core"]),
]
OTHER = ["tests", "fuzz", "bench", "examples", "scripts", "cmake"]
CODE = (".h", ".cpp", ".py", ".sh", ".cmake", ".txt")


def tracked():
    out = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [f for f in out.splitlines() if f.endswith(CODE) and "/corpus/" not in f and "/fixtures/text/" not in f]


def lines(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return sum(1 for _ in f)


def folder_of(path):
    parts = path.split("/")
    if parts[0] == "src":
        return parts[1]
    if parts[:2] == ["include", "ingot"]:
        return parts[2] if len(parts) > 3 else None
    return parts[0]


def main():
    sizes = {f: lines(f) for f in tracked()}
    totals = {}
    for path, n in sizes.items():
        count, total = totals.get(folder_of(path), (0, 0))
        totals[folder_of(path)] = (count + 1, total + n)
    print("| floor | folders | files | lines |")
    print("|---|---|---|---|")
    for number, folders in FLOORS:
        present = [f for f in folders if f in totals]
        if not present:
            continue
        files = sum(totals[f][0] for f in present)
        total = sum(totals[f][1] for f in present)
        print(f"| {number} | {' '.join(f'`{f}`' for f in present)} | {files} | {total} |")
    for folder in OTHER:
        if folder in totals:
            print(f"| - | `{folder}` | {totals[folder][0]} | {totals[folder][1]} |")
    print("\n| longest files | lines |")
    print("|---|---|")
    code = {f: n for f, n in sizes.items() if f.endswith((".h", ".cpp", ".py"))}
    for path, n in sorted(code.items(), key=lambda item: -item[1])[:12]:
        print(f"| `{path}` | {n} |")


if __name__ == "__main__":
    main()
