#!/usr/bin/env python3
"""Writes src/text/unicode_tables.h: which characters Hugging Face's tokenizers take for spaces, control
characters, accents, punctuation, letters and digits.

They were made with several versions of Unicode (classes of BERT with an old one, the expression of GPT-2 with that of
Oniguruma, lower case with that of Rust's library), so a library of one version cannot agree with all of them. They are
measured instead, character by character. Needs: pip install tokenizers.

    scripts/make_unicode_tables.py > src/text/unicode_tables.h && scripts/format.sh
"""
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
BAR = ord("|")  # separates; no class below depends on what it is


def ranges(points):
    out = []
    for c in sorted(points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def normalized(normalizer, make, separator="|"):
    """What becomes of make(c), for every character but the separator."""
    points = [c for c in POINTS if c != BAR]
    parts = normalizer.normalize_str(separator.join(make(chr(c)) for c in points)).split(separator)
    assert len(parts) == len(points)
    return dict(zip(points, parts))


def alone(pre_tokenizer, before, after):
    """Characters that become a word of their own between `before` and `after`."""
    found = set()
    for first in range(0, len(POINTS), 4000):
        text, at = "", {}
        for c in POINTS[first:first + 4000]:
            at[len(text) + len(before)] = c
            text += before + chr(c) + after
        for _, (begin, end) in pre_tokenizer.pre_tokenize_str(text):
            if begin in at and end == begin + 1:
                found.add(at[begin])
    return found


def bert(**options):
    settings = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    return normalizers.BertNormalizer(**{**settings, **options})


def main():
    clean = normalized(bert(clean_text=True), lambda c: "a" + c + "b")
    control = {c for c, text in clean.items() if text == "ab"}
    # What is a space and no control character; U+000B, U+000C and U+0085 are both, and removed.
    space = {c for c, text in clean.items() if text == "a b"} | {0x0B, 0x0C, 0x85}
    assert space == alone(pre_tokenizers.Split(Regex(r"\s"), "isolated"), "\ue000", "\ue000")
    stripped = normalized(bert(strip_accents=True), lambda c: "a" + c + "b")
    whole = normalized(normalizers.NFD(), lambda c: "a" + c + "b")
    accents = {c for c, text in stripped.items() if text == "ab" and len(whole[c]) == 3 and whole[c][1] == chr(c)}
    punctuation = alone(pre_tokenizers.BertPreTokenizer(), "a", "b ")
    letters = alone(pre_tokenizers.Split(Regex(r"\p{L}"), "isolated"), "\ue000", "\ue000")
    numbers = alone(pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"), "\ue000", "\ue000")
    # What moves before a mark of class 232, or behind one of class 220, has a class itself.
    late = normalized(normalizers.NFD(), lambda c: "a\u0315" + c)
    early = normalized(normalizers.NFD(), lambda c: "a" + c + "\u0316")
    combining = {c for c in whole if whole[c][1:-1] == chr(c) and
                 (late[c] != "a\u0315" + chr(c) or early[c] != "a" + chr(c) + "\u0316")} | {0x0315, 0x0316}
    decomposed = {c for c in whole if c > 0xFFFF and whole[c][1:-1] != chr(c)}
    lower = normalized(normalizers.Lowercase(), lambda c: "a" + c + "b")
    lower = {c: text[1:-1] for c, text in lower.items() if text[1:-1] != chr(c)}
    assert [c for c in lower if len(lower[c]) > 1] == [0x130] and lower[0x130] == "i\u0307"

    print("// Classes of characters as Hugging Face's tokenizers have them, and their lower case.")
    print(f"// Measured on tokenizers {tokenizers.__version__} by scripts/make_unicode_tables.py; do not edit.")
    print("#pragma once\n\nnamespace ingot::text {\n")
    print("struct CharacterRange {\n  char32_t first, last;\n};\n")
    tables = [("Space", space, "White_Space"), ("Control", control, "what BERT's clean_text removes"),
              ("Accent", accents, "Mn"), ("Punctuation", punctuation, "P, and ASCII's symbols"),
              ("Letter", letters, "L"), ("Number", numbers, "N"),
              ("Combining", combining, "canonical combining class other than 0"),
              ("Decomposed", decomposed, "above U+FFFF, with a canonical decomposition")]
    for name, points, what in tables:
        print(f"/// {what}.\ninline constexpr CharacterRange k{name}Ranges[] = {{")
        print(",".join(f"{{0x{a:x},0x{b:x}}}" for a, b in ranges(points)) + "};\n")
    print("/// Every `step`-th character of first … last has a lower case `distance` away.")
    print("struct LowercaseRange {\n  char32_t first, last;\n  int step, distance;\n};\n")
    print("/// U+0130, which becomes two characters, is not among them.")
    print("inline constexpr LowercaseRange kLowercaseRanges[] = {")
    runs = []
    for c in sorted(lower):
        if c == 0x130:
            continue
        distance = ord(lower[c]) - c
        last = runs[-1] if runs else None
        if last and last[3] == distance and c - last[1] in ((1, 2) if last[0] == last[1] else (last[2],)):
            last[2] = c - last[1]
            last[1] = c
        else:
            runs.append([c, c, 1, distance])
    print(",".join(f"{{0x{a:x},0x{b:x},{step},{distance}}}" for a, b, step, distance in runs) + "};\n")
    print("}  // namespace ingot::text")


main()
