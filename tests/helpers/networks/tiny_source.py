"""A third-party backbone as small as can be: four convolutions, so that whole runs take seconds.

The tests install a copy of this file as the module ``tiny_backbone``, with ``tiny.npz`` beside it, where the worker
process finds it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlsearch.plugins.api import CutPoint, WeightSource

CHANNELS = (8, 12, 16, 24)


class Tiny:
    """Cut after each convolution."""

    api_version = 1
    name = "tiny"
    default_image_size = 64
    min_image_size = 16
    weights = {"random": WeightSource(trained_on="nothing", licence="free", path=Path(__file__).with_name("tiny.npz"))}  # noqa: RUF012 - read only

    def build(self, image_size: int, weights: Path | None) -> Any:
        import keras
        import numpy as np

        x = inputs = keras.Input((image_size, image_size, 3))
        for number, channels in enumerate(CHANNELS, 1):
            strides = 2 if number != 3 else 1
            x = keras.layers.Conv2D(channels, 3, strides, "same", activation="relu", name=f"conv{number}")(x)
        model = keras.Model(inputs, x)
        if weights is not None and weights.suffix == ".h5":
            model.load_weights(str(weights))
        elif weights is not None:
            with np.load(weights) as file:
                model.set_weights([file[f"w{place}"] for place in range(2 * len(CHANNELS))])
        return model

    def cut_points(self, model: Any) -> list[CutPoint]:
        return [CutPoint(f"cut{n}", f"conv{n}", stage_end=n != 2) for n in range(1, len(CHANNELS) + 1)]

    def preprocess(self, images: Any) -> Any:
        from keras import ops

        return ops.cast(images, "float32") / 127.5 - 1.0


def write_weights(file: Path) -> None:
    """Random kernels of He's size, and no biases; always the same."""
    import numpy as np

    rng = np.random.default_rng(0)
    arrays = []
    for inputs, outputs in zip((3, *CHANNELS), CHANNELS, strict=False):
        arrays.append(rng.normal(0, np.sqrt(2 / (9 * inputs)), (3, 3, inputs, outputs)).astype(np.float32))
        arrays.append(np.zeros(outputs, np.float32))
    np.savez(file, **{f"w{place}": array for place, array in enumerate(arrays)})  # type: ignore[arg-type] # its stub takes no mapping


def install(folder: Path) -> Path:
    """Make a distribution of this file in ``folder``, which is to be on the path; gives ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny_backbone.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    write_weights(folder / "tiny.npz")
    facts = folder / "tiny_backbone-1.5.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-backbone\nVersion: 1.5\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text("[tlsearch.backbones]\ntiny = tiny_backbone:Tiny\n", encoding="utf-8")
    return folder
