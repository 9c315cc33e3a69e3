"""Packs published weights of PyTorch into the form in which they are bundled: half precision, without a top.

    python plugins/pack_weights.py efficientnet-lite1-77cc7160.pth efficientnet_lite1.npz

The file of PyTorch is read as data: nothing in it is executed. The same file gives the same bytes everywhere.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tlsearch.errors import WeightsError
from tlsearch.plugins.torch_files.state_dict import read_state_dict

TOP = "_fc."
"""What the names of the classification layer begin with, which a backbone does not have."""

COUNTER = ".num_batches_tracked"
"""What PyTorch counts while it trains, and nothing reads."""

DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every part, so that the bytes do not depend on the day."""


def pack(source: Path, target: Path) -> int:
    """Write the arrays in ``source`` into ``target`` (.npz) as float16.

    Returns:
        The number of values.

    Raises:
        WeightsError: ``source`` cannot be read, or holds values that float16 cannot.
    """
    arrays = {name: a for name, a in read_state_dict(source).items() if not name.startswith(TOP)}
    arrays = {name: array for name, array in arrays.items() if not name.endswith(COUNTER)}
    largest = float(np.finfo(np.float16).max)
    for name, array in arrays.items():
        if not np.all(np.abs(array) <= largest):
            raise WeightsError(f"The array {name} of {source} has values that half precision cannot hold.")
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in arrays.items():
            part = zipfile.ZipInfo(f"{name}.npy", DATE)
            part.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(part, "w") as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array, np.float16), allow_pickle=False)
    return sum(array.size for array in arrays.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack, and say what was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="what torch.save wrote (.pth)")
    parser.add_argument("target", type=Path, help="file to write (.npz)")
    options = parser.parse_args(arguments)
    try:
        values = pack(options.source, options.target)
    except WeightsError as error:
        parser.exit(2, f"{error}\n")
    print(f"{options.target}: {values:,} values, {options.target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
