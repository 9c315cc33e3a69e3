"""Heat maps: which places of a picture speak for a class.

A model folder's network ends in features of places (a map, or tokens of patches), a pooling of them into a vector, and
a head. What the head says for a class is taken back through the pooling to the places:

- A linear head makes it exact. The map is the class activation map (Zhou et al. 2016) in its general form: for averages
  it is one product on the features, a maximum counts at the place where it was found, and of flattened features every
  value counts at its own place. The sum of the map plus the bias of the class is the logit.
- With a hidden layer the map is the gradient of the logit times the features, place by place (HiResCAM, Draelos & Carin
  2020), which for a linear head is the same as the above. It adds up to the logit only roughly.

The head takes standardised features, so that heat is what speaks for a class beyond the mean of the training images: it
is negative where a place speaks against the class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tlsearch.backend.gradients import pull_back
from tlsearch.errors import OutOfTimeError
from tlsearch.explain.parts import Parts, take_apart
from tlsearch.plugins.api import Images
from tlsearch.predictor import Predictor
from tlsearch.stats.metrics import softmax
from tlsearch.types import Float32Array, Float64Array, LabelArray
from tlsearch.utils.deadline import seconds_left

Method = Literal["cam", "hires-cam"]
"""How a map was made: exact for a linear head, or by the gradient."""

BATCH = 32
"""Pictures that the network sees at once; of larger ones fewer, as many as have the same number of pixels."""


@dataclass(frozen=True, kw_only=True)
class HeatMaps:
    """Heat maps of N pictures, each about one class.

    Attributes:
        maps: Shape (N, H, W), at the resolution of the feature map; what each place adds to the logit, in logits. Where
            features of two resolutions are joined it is the finer one.
        classes: Shape (N,), the class that each map is about.
        logits: Shape (N,), the logit of that class for each picture.
        probabilities: Shape (N, classes), of the network as it is, without a temperature.
        method: How they were made.
        exact: Whether the sum of a map plus the bias of its class is the logit.
    """

    maps: Float32Array
    classes: LabelArray
    logits: Float32Array
    probabilities: Float64Array
    method: Method
    exact: bool

    @property
    def rest(self) -> Float32Array:
        """What of the logits no place accounts for, shape (N,): the bias of the class where the maps are exact."""
        return np.asarray(self.logits - self.maps.sum(axis=(1, 2)), np.float32)


def heat_maps(predictor: Predictor, images: Images, classes: LabelArray | None = None) -> HeatMaps:
    """Give the heat map of each picture for a class.

    Args:
        predictor: The model.
        images: Shape (N, S, S, 3), as the predictor decodes them.
        classes: Shape (N,), the class that each map is about, by its place in ``predictor.labels``; None for the most
            probable one.

    Raises:
        UsageError: The network has no features with places from which its answer is pooled.
    """
    return Explainer(predictor)(images, classes)


class Explainer:
    """Makes heat maps with one predictor, which is taken apart once; not for use from several threads at once.

    Args:
        predictor: The model.
        parts: Its network in other parts than ``take_apart`` gives; None for those.

    Raises ``UsageError`` where its network has no features with places from which its answer is pooled.
    """

    def __init__(self, predictor: Predictor, parts: Parts | None = None) -> None:
        self.predictor = predictor
        self._parts: Parts = parts or take_apart(predictor)
        side = int(self._parts.features.input_shape[1])
        self._batch = max(1, round(BATCH * (predictor.image_size / side) ** 2))

    @property
    def method(self) -> Method:
        """How the maps are made."""
        return "cam" if self._parts.exact else "hires-cam"

    @property
    def exact(self) -> bool:
        """Whether the sum of a map plus the bias of its class is the logit."""
        return self._parts.exact

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the maps."""
        rows, columns = zip(*self._parts.grids, strict=True)
        return max(rows), max(columns)

    def __call__(self, images: Images, classes: LabelArray | None = None) -> HeatMaps:
        """Give the heat map of each picture (N, S, S, 3) for a class (N,), or for the most probable one.

        Raises ``OutOfTimeError`` between two batches where the time for it is over.
        """
        found = self.in_time(images, classes)
        if len(found.maps) < len(images):
            raise OutOfTimeError("its time was over")
        return found

    def in_time(self, images: Images, classes: LabelArray | None = None) -> HeatMaps:
        """Give the maps of as many of the first pictures as there is time for, in whole batches; maybe of none."""
        done = 0
        about = np.zeros(len(images), np.intp) if classes is None else np.asarray(classes, np.intp)
        maps = np.zeros((len(images), *self.grid), np.float32)
        logits = np.zeros((len(images), len(self.predictor.labels)), np.float32)
        for rows in _batches(len(images), self._batch):
            if seconds_left() < 0:
                break
            features = self._features(images[rows])
            pooled = _output(self._parts.pooling, features)
            logits[rows] = pooled if self._parts.head is None else _output(self._parts.head, [pooled])
            if classes is None:
                about[rows] = logits[rows].argmax(axis=1)
            maps[rows] = self._taken_back(features, pooled, about[rows])
            done = rows.stop
        about, logits = about[:done], logits[:done]
        return HeatMaps(
            maps=maps[:done],
            classes=about,
            logits=logits[np.arange(done), about],
            probabilities=softmax(logits.astype(np.float64)),
            method=self.method,
            exact=self._parts.exact,
        )

    def _features(self, images: Images) -> list[Float32Array]:
        """The features of a batch, which is filled up to a full one so that the model is compiled for one shape."""
        filled = np.concatenate([images, np.repeat(images[-1:], self._batch - len(images), axis=0)])
        found = self._parts.features.predict_on_batch(filled.astype(np.float32))
        tensors: Sequence[Any] = found if isinstance(found, list | tuple) else [found]
        return [np.asarray(tensor, np.float32)[: len(images)] for tensor in tensors]

    def _taken_back(self, features: Sequence[Float32Array], pooled: Float32Array, about: LabelArray) -> Float32Array:
        """The maps of a batch.

        The gradient of the logit says how much each feature counts. The mean that the head subtracts from a number of
        the vector is taken back to where that number comes from.
        """
        parts = self._parts
        weights = _one_hot(about, len(self.predictor.labels))
        if parts.head is not None:
            (weights,) = pull_back(parts.head, [pooled], weights)
        counted = pull_back(parts.pooling, features, weights)
        found = [np.einsum("n...c,n...c->n...", x, w) for x, w in zip(features, counted, strict=True)]
        if parts.mean.any():
            means = pull_back(parts.pooling, features, weights * parts.mean)
            found = [heat - mean.sum(axis=-1) for heat, mean in zip(found, means, strict=True)]
        maps = [_on_grid(heat, grid) for heat, grid in zip(found, parts.grids, strict=True)]
        return np.asarray(np.sum([spread(heat, self.grid) for heat in maps], axis=0), np.float32)


def spread(maps: Float32Array, grid: tuple[int, int]) -> Float32Array:
    """Give maps (N, h, w) on a finer grid, each value shared out by area: the sum of a map stays what it is."""
    rows, columns = (_shares(was, now) for was, now in zip(maps.shape[1:], grid, strict=True))
    return np.asarray(np.einsum("ri,nij,cj->nrc", rows, maps, columns), np.float32)


def resize_maps(maps: Float32Array, side: int) -> Float32Array:
    """Give maps (N, H, W) at the size of the pictures, (N, side, side), bilinear between the centres of places.

    Values keep their scale, so that it is the mean of a map and not its sum that stays, up to what is lost at the
    border, where a map goes on as it ends.
    """
    rows, columns = (_between(places, side) for places in maps.shape[1:])
    return np.asarray(np.einsum("ri,nij,cj->nrc", rows, maps, columns, optimize=True), np.float32)


def _batches(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _output(model: Any, inputs: Sequence[Float32Array]) -> Float32Array:
    import keras

    output = model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    return np.asarray(keras.ops.convert_to_numpy(output), np.float32)


def _one_hot(classes: LabelArray, count: int) -> Float32Array:
    return np.asarray(np.eye(count, dtype=np.float32)[classes])


def _on_grid(heat: Float32Array, grid: tuple[int, int]) -> Float32Array:
    """Heat of a map as it is; of tokens the last ones, which are those of the patches, row by row."""
    if heat.ndim == 3:
        return heat
    rows, columns = grid
    return heat[:, -rows * columns :].reshape(-1, rows, columns)


def _shares(was: int, now: int) -> Float32Array:
    """Shape (now, was): the share of each old place that lies in each new one; each column sums to 1."""
    old, new = np.linspace(0.0, 1.0, was + 1), np.linspace(0.0, 1.0, now + 1)
    low, high = np.maximum(new[:-1, None], old[None, :-1]), np.minimum(new[1:, None], old[None, 1:])
    return np.asarray(np.clip(high - low, 0.0, None) * was, np.float32)


def _between(places: int, side: int) -> Float32Array:
    """Shape (side, places): how much each place counts for each pixel, by the distance to the centres of places."""
    at = np.clip((np.arange(side) + 0.5) * places / side - 0.5, 0, places - 1)
    return np.asarray(np.clip(1.0 - np.abs(at[:, None] - np.arange(places)[None]), 0.0, None), np.float32)
