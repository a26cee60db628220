#!/usr/bin/env python3
"""Checks the floors: who may include whom.

Each folder of src/ and include/ingot/ stands on a floor and may include its own floor and those
below (docs/architecture.md). Public headers include the standard library and other public headers,
nothing else.

    scripts/check_floors.py [ROOT]        checks the tree; exit code 1 and a list when it fails
    scripts/check_floors.py --self-test   checks the checker on trees made wrong on purpose
"""

import re
import sys
import tempfile
from pathlib import Path

FLOORS = {
    "core": 0,
    "backend": 1,
    "plan": 2,
    "ops": 3,
    "autograd": 4,
    "nn": 5, "optim": 5, "io": 5, "export": 5, "profile": 5,
    "models": 6, "train": 6, "text": 6, "data": 6, "dist": 6, "glue": 6,
    "apps": 7, "python": 7,
}

# Folder pairs that the floors allow and the design does not.
FORBIDDEN = {
    ("ops", "plan"): "plan and ops know each other only through core",
    ("backend/reference", "backend/cpu"): "the reference backend stands alone",
    ("backend/reference", "backend/gpu"): "the reference backend stands alone",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
STANDARD = re.compile(r"^[a-z_0-9]+$")  # <vector>, <cstdint>: no folder, no ending
SUFFIXES = {".h", ".hpp", ".cpp", ".cc", ".inc", ".mm"}


def folder_of(path):
    """'ops/relu.cpp' -> 'ops'; None for a file at the top, such as the umbrella header."""
    return path.split("/")[0] if "/" in path else None


def check_file(root, file):
    """Yields a message for each include of one file that breaks a rule."""
    relative = file.relative_to(root).as_posix()
    public = relative.startswith("include/ingot/")
    if public:
        inner = relative[len("include/ingot/"):]
    elif relative.startswith("src/"):
        inner = relative[len("src/"):]
    else:
        inner = relative  # apps/..., python/...
    folder = folder_of(inner)
    if folder is not None and folder not in FLOORS:
        yield f"{relative}: the folder '{folder}' is on no floor; see FLOORS in scripts/check_floors.py"
        return
    text = file.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        quote, target = match.group(1), match.group(2)
        line = text.count("\n", 0, match.start()) + 1
        where = f"{relative}:{line}: includes {target}"
        is_ingot = target.startswith("ingot/")
        if public and quote == '"':
            yield f"{where}: a public header may not include a private one; write <ingot/...>"
            continue
        if public and not is_ingot:
            if not STANDARD.match(target):
                yield f"{where}: public headers include the standard library and <ingot/...> only"
            continue
        if is_ingot:
            if not (root / "include" / target).is_file():
                yield f"{where}: there is no such public header"
                continue
            seen = target[len("ingot/"):]
        elif quote == '"':
            seen = target
            if (root / "src" / target).is_file():
                pass
            elif (file.parent / target).is_file():
                continue  # a neighbour, included by its bare name
        else:
            continue  # a library
        to = folder_of(seen)
        if folder is None:
            continue  # the umbrella header sees everything
        if to is None:
            if is_ingot and FLOORS[folder] < 7:
                yield f"{where}: the umbrella header is for users; include the part that is needed"
            continue
        if to not in FLOORS:
            continue
        if FLOORS[to] > FLOORS[folder]:
            yield f"{where}: climbs from floor {FLOORS[folder]} ({folder}) to {FLOORS[to]} ({to})"
        for (low, high), why in FORBIDDEN.items():
            if inner.startswith(low + "/") and seen.startswith(high + "/"):
                yield f"{where}: {why}"


def check_tree(root):
    problems, count = [], 0
    for top in ("include/ingot", "src", "apps"):
        for file in sorted((root / top).rglob("*")):
            if file.is_file() and file.suffix in SUFFIXES:
                count += 1
                problems.extend(check_file(root, file))
    return problems, count


# name of the case -> (files, text the one problem must contain or None for a clean tree)
CASES = {
    "clean": ({
        "include/ingot/ingot.h": "#include <ingot/core/a.h>\n",
        "include/ingot/core/a.h": "#include <cstdint>\n#include <vector>\n",
        "src/core/a.h": "#include <ingot/core/a.h>\n",
        "src/plan/p.cpp": '#include <fmt/format.h>\n#include <sys/mman.h>\n#include "core/a.h"\n',
        "src/train/t.h": '#include "core/a.h"\n',
        "src/data/d.cpp": '#include "train/t.h"\n',
        "apps/cli/main.cpp": '#include "cli/options.h"\n#include <ingot/ingot.h>\n',
        "apps/cli/options.h": "",
    }, None),
    "climbs": ({
        "src/core/a.cpp": '#include "plan/p.h"\n', "src/plan/p.h": "",
    }, "climbs from floor 0 (core) to 2 (plan)"),
    "climbs in public": ({
        "include/ingot/core/a.h": "#include <ingot/nn/m.h>\n", "include/ingot/nn/m.h": "",
    }, "climbs from floor 0 (core) to 5 (nn)"),
    "climbs, spelt oddly": ({
        "src/backend/b.cpp": '  #  include   "ops/o.h"\n', "src/ops/o.h": "",
    }, "climbs from floor 1 (backend) to 3 (ops)"),
    "a header that does not exist yet": ({
        "src/core/a.cpp": '#include "nn/m.h"\n',
    }, "climbs from floor 0 (core) to 5 (nn)"),
    "ops see plan": ({
        "src/ops/o.cpp": '#include "plan/p.h"\n', "src/plan/p.h": "",
    }, "only through core"),
    "reference sees cpu": ({
        "src/backend/reference/r.cpp": '#include "backend/cpu/c.h"\n', "src/backend/cpu/c.h": "",
    }, "stands alone"),
    "public sees private": ({
        "include/ingot/core/a.h": '#include "core/b.h"\n', "src/core/b.h": "",
    }, "may not include a private one"),
    "public sees a library": ({
        "include/ingot/core/a.h": "#include <fmt/format.h>\n",
    }, "standard library"),
    "public sees oneDNN": ({
        "include/ingot/core/a.h": "#include <dnnl.hpp>\n",
    }, "standard library"),
    "public sees the system": ({
        "include/ingot/core/a.h": "#include <sys/mman.h>\n",
    }, "standard library"),
    "public sees nothing": ({
        "include/ingot/core/a.h": "#include <ingot/core/gone.h>\n",
    }, "no such public header"),
    "umbrella from inside": ({
        "src/nn/m.cpp": "#include <ingot/ingot.h>\n", "include/ingot/ingot.h": "",
    }, "umbrella"),
    "unknown folder": ({
        "src/util/u.cpp": "",
    }, "on no floor"),
}


def self_test():
    failures = 0
    for name, (files, expected) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
            problems, _ = check_tree(root)
        right = (not problems) if expected is None else (
            len(problems) == 1 and expected in problems[0])
        if not right:
            failures += 1
            print(f"self-test '{name}': expected {expected!r}, got {problems}")
    print(f"check_floors self-test: {len(CASES) - failures} passed, {failures} failed")
    return failures == 0


def main():
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        return 0 if self_test() else 1
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    problems, count = check_tree(root)
    for problem in problems:
        print(problem)
    if count == 0:
        print(f"check_floors: no sources under {root}")
        return 1
    print(f"check_floors: {count} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
