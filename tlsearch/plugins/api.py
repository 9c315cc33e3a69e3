"""The contracts for plugin authors.

A plugin package registers objects, or classes that take no argument, under the entry-point groups
``tlsearch.backbones``, ``tlsearch.augmentations`` and ``tlsearch.weights``. This is the engine module that a plugin
imports; importing it imports no backend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import keras

API_VERSION = 1
"""The version of these contracts; a plugin states the one it was written for in ``api_version``."""

BACKBONE_GROUP = "tlsearch.backbones"
AUGMENTATION_GROUP = "tlsearch.augmentations"
WEIGHTS_GROUP = "tlsearch.weights"

Images: TypeAlias = npt.NDArray[np.uint8]
"""RGB images, shape (N, H, W, 3), values 0..255."""


@dataclass(frozen=True)
class CutPoint:
    """A place where the graph of a backbone passes through one tensor, so that it can be cut in two there.

    ``name`` is what people read ("block4_pool"); ``layer`` is the name of the Keras layer, or of the operation of
    ``keras.ops``, whose output is the tensor. ``stage_end`` marks the ends of stages, where the resolution is about to
    drop: extraction rounds to the stored number format there, so that features are the same however they were reached.

    The tensor is a feature map (N, h, w, C) or tokens (N, T, C), as in a transformer. ``leading_tokens`` is the number
    of tokens before those of the patches: the class token, which comes first, and others such as registers. With 0
    there is no class token. For a feature map it is 0.
    """

    name: str
    layer: str
    stage_end: bool = False
    leading_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class WeightSource:
    """Where named weights come from and what they are.

    Exactly one of ``path`` (a file that is installed with the plugin) and ``url`` (downloaded into the cache of Keras,
    under ``filename``, a name without a folder) is set. ``file_hash`` is the MD5 or SHA-256 of the file,
    hexadecimal; without it, whatever file has that name is taken.
    ``trained_on`` and ``licence`` are shown to people. ``megabytes`` is the size of a download. ``accuracy`` is the
    share of ImageNet's validation images that the network with these weights gets right (top-1), 0 to 1, as published;
    None where it is not known.
    """

    trained_on: str
    licence: str
    path: Path | None = None
    url: str | None = None
    filename: str | None = None
    file_hash: str | None = None
    megabytes: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingHints:
    """How a backbone is best fine-tuned, as far as its author knows: where the search begins.

    The search tries these values first and then varies them. None leaves a value to the engine.

    Attributes:
        freeze_middle: The number of cut points to freeze where most of the network is trained: a third to half of all.
        freeze_late: The number of cut points to freeze where only the last stage is trained.
        lr_middle: The learning rate of the trained layers with ``freeze_middle``.
        lr_late: The learning rate of the trained layers with ``freeze_late``.
        lr_early: The learning rate of the trained layers where a fifth of the cut points is frozen.
    """

    freeze_middle: int | None = None
    freeze_late: int | None = None
    lr_middle: float | None = None
    lr_late: float | None = None
    lr_early: float | None = None


@dataclass(frozen=True, kw_only=True)
class AugmentationHints:
    """Where an augmentation is of use, as far as its author knows.

    Attributes:
        by_default: Whether a run uses the augmentation when the user has named none. Without hints it does not.
        role: ``"strong"`` is for networks of which much is trained, up to all of it from scratch. ``"mild"`` is for
            networks of which only the last layers are trained. The search begins with the augmentations that have
            these roles. With None it finds out by itself.
    """

    by_default: bool = False
    role: Literal["mild", "strong"] | None = None


@runtime_checkable
class Backbone(Protocol):
    """A network without its top, cut at known places.

    ``weights`` names what the author offers; the first entry is the default. ``min_image_size`` and
    ``default_image_size`` are the side of a square input in pixels. The attribute ``hints``, which is optional, is a
    ``TrainingHints``. The attribute ``title``, optional too, is the name as people write it: "EfficientNet-Lite0". The
    attribute ``work``, optional too, says how many operations an image of the default size takes: twice the
    multiply-adds, and 60 for every value that a layer gives, which is about what memory costs. With it and the accuracy
    of its weights a run can choose among many networks. The attribute ``weights_hint``, optional too, says where it has
    no weights how they come to this machine, in words that go on with "or": "fetch them with `tlsearch-hub fetch
    NAME`". The attribute ``settings_id``, which any plugin may have, is a text that changes with whatever else decides
    what it computes: what it reads from files outside its package, other than its weights, or from the environment.
    Stored features have it in their key, and a run does not go on with another one.
    """

    api_version: int
    name: str
    default_image_size: int
    min_image_size: int
    weights: Mapping[str, WeightSource]

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """Build a fresh functional model.

        Its input is (N, image_size, image_size, 3) as ``preprocess`` returns it, its output a feature map (N, h, w, C)
        or tokens (N, T, C). ``weights`` is a file, or None for random initial values; what the model's own
        ``save_weights`` wrote (.weights.h5) is such a file. Raises ``ValueError`` when the file does not fit.
        """

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """The single-tensor cut points of ``model`` in order from input to output; the last is its output."""

    def preprocess(self, images: Any) -> Any:
        """RGB float tensor (N, H, W, 3) in 0..255 to what the network wants.

        Pure; uses ``keras.ops`` only, so that it takes symbolic tensors and the saved model holds it.
        """


@runtime_checkable
class Augmentation(Protocol):
    """A random change of images that keeps their meaning, with a strength.

    The attribute ``hints``, which is optional, is an ``AugmentationHints``.
    """

    api_version: int
    name: str

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """A new array of the same shape.

        ``strength`` is 0 (identity) to 1; everything random comes from ``rng``, and ``images``, which are square and
        may be read-only, are left as they were.
        """


@runtime_checkable
class NamedWeights(Protocol):
    """Weights for a backbone of another package, which then takes part with them as a candidate of its own.

    ``name`` is ``backbone@weights``, such as "vgg16@hed". ``trained_on`` and ``licence`` are shown to people.
    """

    api_version: int
    name: str
    trained_on: str
    licence: str

    def file(self, folder: Path) -> Path:
        """Give a file that the backbone's ``build`` takes.

        It is one that is installed, or one written into ``folder``, which is kept for this version of the distribution.
        What is there from before may be given again.
        """
