"""Features of a few images of a pool, which are not worth storing."""

from __future__ import annotations

import numpy as np

from tlsearch.features.extractor import Extractor
from tlsearch.features.prefix import EXTRACT_BATCH, Network
from tlsearch.features.view import PLAIN
from tlsearch.models.cuts import pools
from tlsearch.types import AnyArray


def sampled_averages(extractor: Extractor, network: Network, rows: AnyArray) -> list[AnyArray]:
    """Give the averages (R, C) of the features of some plain images at every cut point, float32.

    They are those that ``Extractor.pooled`` gives of all images, to the last bit. Where it has stored them, they are
    read; else only these images go through the network, and nothing is stored.

    Args:
        extractor: Has the images.
        network: Computes the features.
        rows: The rows of the pool, (R,).
    """
    cuts, label = network.cuts, network.candidate.label
    features = pools(*cuts.depths)
    extractor.passes.asked(label, PLAIN, len(rows), 1.0)
    extractor.passes.read(label, len(rows), 1.0)
    stored = [extractor.store.get(extractor.key(network, PLAIN, feature)) for feature in features]
    arrays = [np.asarray(array[rows]) for array in stored if array is not None]
    if len(arrays) < len(features):
        pixels = extractor.pixels(network.candidate.image_size, PLAIN)
        parts = []
        for first in range(0, len(rows), EXTRACT_BATCH):
            inputs = np.asarray(pixels[rows[first : first + EXTRACT_BATCH]])
            parts.append(network.compute(0, features, inputs))
            extractor.computed += len(inputs)
            extractor.passes.computed(label, len(inputs), 1.0)
            extractor.progress(f"features of {label}", first + len(inputs), len(rows))
        arrays = [np.concatenate([part[feature] for part in parts]) for feature in features]
    return [array[:, cuts.point(depth).columns("avg")] for array, depth in zip(arrays, cuts.depths, strict=True)]
