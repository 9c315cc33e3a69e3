"""What every format of exported files offers, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from tlsearch.backend import exporting
from tlsearch.types import Float32Array

if TYPE_CHECKING:
    import keras

Precision = Literal["float32", "float16", "int8"]

PRECISIONS: tuple[Precision, ...] = ("float32", "float16", "int8")

Runner: TypeAlias = Callable[[Float32Array], Float32Array]
"""RGB values 0..255 of shape (N, S, S, 3) to probabilities of shape (N, classes), for every N."""

INPUT_NAME = "rgb"
"""What the input of an exported network is called, in formats whose tensors have names."""

OUTPUT_NAME = "probabilities"
"""What its output is called there, of shape (N, classes)."""

DISTANCE_NAME = "distance"
"""What the second output is called that a network may have: the distance of each picture from the training images, as
``Prediction.distance``, of shape (N,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportedNetwork:
    """A network that is exported. Equal only to itself, for it keeps what was made of it.

    Attributes:
        model: RGB floats 0..255 of shape (N, S, S, 3) to probabilities, and where it ``has_distance`` to the distances
            from the training images, too; preprocessing and temperature are inside.
        metadata: What is written into the file where its format has a place: texts by name, ``labels`` among them.
        labels: The names of the classes, in the order of the probabilities.
        room: A folder for what several formats are made of.
        source: The SHA-256 of the ``model.keras`` that it is.
    """

    model: keras.Model
    metadata: dict[str, str]
    labels: tuple[str, ...]
    room: Path
    source: str = ""

    @property
    def side(self) -> int:
        """The side of the images in pixels."""
        return int(self.model.input_shape[1])

    @property
    def has_distance(self) -> bool:
        """Whether it says how far a picture is from the training images."""
        return len(self.model.outputs) > 1

    @cached_property
    def saved_model(self) -> Path:
        """The network as TensorFlow's SavedModel, in ``room``: made once, for all that are converted from it."""
        folder = self.room / "network"
        exporting.write_saved_model(self.model, folder)
        return folder


class Format(Protocol):
    """A kind of file that other programs run.

    Attributes:
        name: What ``--format`` calls it.
        suffix: What the name of its file ends in.
        precisions: Those that it has.
        requires: The modules that writing and running it need.
        extra: The extra of tlsearch that brings them; empty where tlsearch itself does.
        int8_requires: The modules that an int8 network needs besides.
        int8_extra: The extra that brings these and the others.
        threaded: Whether its runtime takes a number of threads. The others use those of this process.
    """

    name: str
    suffix: str
    precisions: tuple[Precision, ...]
    requires: tuple[str, ...]
    extra: str
    int8_requires: tuple[str, ...]
    int8_extra: str
    threaded: bool

    def write(
        self, network: ExportedNetwork, precision: Precision, target: Path, samples: Iterable[Float32Array]
    ) -> None:
        """Write the file.

        Args:
            network: What is exported.
            precision: One of ``precisions``.
            target: The file, or the folder for a format that is one; nothing is there.
            samples: Single images of shape (1, S, S, 3) that an int8 network is calibrated with.
        """

    def open(self, path: Path, threads: int | None) -> Runner:
        """Open a file in the runtime that people run it with; ``threads`` None: all cores."""

    def runtime(self) -> str:
        """Name that runtime and its version."""

    def parts(self, path: Path) -> tuple[Path, ...]:
        """Give the files or folders that belong to the file ``path``, which is the first of them."""
