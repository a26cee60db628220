#!/usr/bin/env python3
"""Writes the small MNIST subset that Ingot carries: the first 1,000 training and test images.

    scripts/make_mnist_subset.py MNIST_FOLDER [OUT_FOLDER]

MNIST_FOLDER holds the four original gzip files. Needs only the standard library; the same input
gives the same bytes (as long as zlib's level 9 does).
"""
import gzip
import hashlib
import pathlib
import struct
import sys

COUNT = 1000
# sha256 of the originals, so that a damaged or different source is noticed.
ORIGINALS = {
    "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    target = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else
                          pathlib.Path(__file__).parent.parent / "data" / "mnist-1k")
    target.mkdir(parents=True, exist_ok=True)
    for name, sha256 in ORIGINALS.items():
        packed = (source / f"{name}.gz").read_bytes()
        if hashlib.sha256(packed).hexdigest() != sha256:
            sys.exit(f"{source / name}.gz is not the original file")
        raw = gzip.decompress(packed)
        dims = raw[3]
        shape = struct.unpack_from(f">{dims}I", raw, 4)
        item = 1
        for size in shape[1:]:
            item *= size
        start = 4 + 4 * dims
        subset = raw[:4] + struct.pack(f">{dims}I", COUNT, *shape[1:]) + raw[start:start + COUNT * item]
        out = target / f"{name}.gz"
        out.write_bytes(gzip.compress(subset, 9, mtime=0))
        print(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
