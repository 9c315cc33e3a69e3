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

from dataclasses import dataclass
from typing import Literal

from tlsearch.plugins.api import Images
from tlsearch.predictor import Predictor
from tlsearch.types import Float32Array, LabelArray

Method = Literal["cam", "hires-cam"]
"""How a map was made: exact for a linear head, or by the gradient."""


@dataclass(frozen=True, kw_only=True)
class HeatMaps:
    """Heat maps of N pictures, each about one class.

    Attributes:
        maps: Shape (N, H, W), at the resolution of the feature map; what each place adds to the logit, in logits.
        logits: Shape (N,), the logit of the class for each picture.
        method: How they were made.
        exact: Whether the sum of a map plus the bias of its class is the logit.
    """

    maps: Float32Array
    logits: Float32Array
    method: Method
    exact: bool


def heat_maps(predictor: Predictor, images: Images, classes: LabelArray) -> HeatMaps:
    """Give the heat map of each picture for a class.

    Args:
        predictor: The model.
        images: Shape (N, S, S, 3), as the predictor decodes them.
        classes: Shape (N,), the class that each map is about, by its place in ``predictor.labels``.

    Raises:
        UsageError: The network has no features with places from which its answer is pooled.
    """
    raise NotImplementedError


def resize_maps(maps: Float32Array, side: int) -> Float32Array:
    """Give maps (N, H, W) at the size of the pictures, (N, side, side), bilinear between the centres of places.

    Values keep their scale, so that it is the mean of a map and not its sum that stays.
    """
    raise NotImplementedError
