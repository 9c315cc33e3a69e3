"""Images in memory: they are written once, without loss, as a folder of class folders in the cache folder.

What follows reads that folder as any other, so that a run of arrays is resumed, reported and predicted like all runs.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from tlsearch.config import RunConfig
from tlsearch.data.memory.labels import Scalar, class_folders, scalar_of, scalars_of
from tlsearch.data.memory.pixels import Array, Scale, as_numpy, pixels_of
from tlsearch.errors import UsageError
from tlsearch.utils.cache_folders import keep_folder, sources_dir
from tlsearch.utils.units import counted

FOLDER_NAME = "arrays"

_INFINITE = -1  # what a tf.data.Dataset that repeats for ever gives as its cardinality


def images_in_folder(config: RunConfig) -> tuple[RunConfig, tuple[str, ...]]:
    """The configuration with a folder in the place of images in memory, and what to say of them.

    Raises ``UsageError`` where the images or their labels cannot serve.
    """
    if isinstance(config.dataset, Path | str):
        return config, ()
    folder, understood = write_images(config.dataset, sources_dir(config.cache_dir))
    return replace(config, dataset=folder, layout="classes"), understood


def write_images(dataset: Any, cache: Path) -> tuple[Path, tuple[str, ...]]:
    """Write images in memory as class folders below ``cache``, unless that was done before.

    Args:
        dataset: ``(images, labels)``, or a ``tf.data.Dataset`` of such pairs, in batches or one by one.
        cache: A folder.

    Returns:
        The folder, and what was assumed, a line each.

    Raises:
        UsageError: The images or their labels cannot serve, or the folder cannot be written.
    """
    source = Pairs(*dataset) if isinstance(dataset, tuple) else Stream(dataset)
    scale, digests = Scale(), []
    for number, (image, label) in enumerate(source):
        scale.see(image, number)
        digests.append((_digest_of(image), label))
    if not digests:
        raise UsageError("There are no images: give at least four for each class.")
    scale.settle()
    folders = class_folders([label for _, label in digests], source.class_names)
    known = digests if source.ordered else sorted(digests, key=str)
    place = cache / hashlib.sha256(str((source.ordered, folders, known)).encode()).hexdigest()[:16]

    def fill(folder: Path) -> None:
        for name in folders.values():
            (folder / name).mkdir()
        again = [
            (_write(folder / folders[label], image, scale, f"{number:06d}" if source.ordered else ""), label)
            for number, (image, label) in enumerate(_known(source, folders))
        ]
        if Counter(again) != Counter(digests):
            raise _changing()

    try:
        folder, _ = keep_folder(place, FOLDER_NAME, fill)
    except OSError as error:
        raise UsageError(
            f"The images cannot be written into {place} ({error.strerror or error}): make room, or name another folder "
            "as cache_dir."
        ) from error
    return folder, (f"{counted(len(digests), 'image')} in memory, {scale.assumed}, are kept in {folder}",)


class Pairs:
    """Images with labels, in an order that stays.

    Attributes:
        ordered: Whether every iteration gives the same order.
        class_names: Names of the classes 0, 1, 2, ..., where they are known.
    """

    ordered = True
    class_names: Sequence[str] = ()

    def __init__(self, images: Any, labels: Any) -> None:
        try:
            self._images = images if isinstance(images, list | tuple) else as_numpy(images)
            count = len(self._images)
        except TypeError as error:
            raise UsageError(
                f"The images are {type(images).__name__}: give a NumPy array (N, H, W, 3) or a list of images."
            ) from error
        self._labels = scalars_of(labels)
        if count != len(self._labels):
            raise UsageError(
                f"There are {count:,} images and {len(self._labels):,} labels: give a label for each image."
            )

    def __iter__(self) -> Iterator[tuple[Array, Scalar]]:
        for number, (image, label) in enumerate(zip(self._images, self._labels, strict=True)):
            yield pixels_of(image, f"image {number}"), label


class Stream:
    """A ``tf.data.Dataset`` of images with labels.

    It may give another order each time, so files are named by their content.
    """

    ordered = False

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.class_names: Sequence[str] = tuple(getattr(dataset, "class_names", None) or ())
        cardinality = getattr(dataset, "cardinality", None)
        if cardinality is not None and int(cardinality()) == _INFINITE:
            raise UsageError("The data set repeats for ever: leave out repeat().")

    def __iter__(self) -> Iterator[tuple[Array, Scalar]]:
        number = 0
        for element in self._dataset:
            if not isinstance(element, tuple | list) or len(element) != 2:
                raise UsageError("The data set does not give pairs of image and label: give (image, label).")
            images, labels = as_numpy(element[0]), as_numpy(element[1])
            batched = images.ndim == 4 or (images.ndim == 3 and images.shape[-1] not in (1, 3, 4))
            if batched and (labels.ndim == 0 or len(images) != len(labels)):
                raise UsageError(
                    "The data set gives batches with more images than labels: give a label for each image."
                )
            pairs = zip(images, labels, strict=True) if batched else ((images, labels),)
            for image, label in pairs:
                yield pixels_of(image, f"image {number}"), scalar_of(label, f"label {number}")
                number += 1


def _known(source: Pairs | Stream, folders: dict[Scalar, str]) -> Iterator[tuple[Array, Scalar]]:
    """The pairs once more. Raises ``UsageError`` where a label was not there before."""
    for image, label in source:
        if label not in folders:
            raise _changing()
        yield image, label


def _changing() -> UsageError:
    return UsageError(
        "The data set gives other images each time that it is read: leave random changes and random choices of images "
        "out of it (tlsearch augments images by itself)."
    )


def _digest_of(image: Array) -> str:
    return hashlib.sha256(f"{image.dtype.str} {image.shape} ".encode() + image.tobytes()).hexdigest()


def _write(folder: Path, image: Array, scale: Scale, name: str) -> str:
    """Write one image, named by its content where it has no name; gives the digest of its content."""
    digest = _digest_of(image)
    file = folder / f"{name or digest[:24]}.png"
    copies = 1
    while file.exists():
        copies += 1
        file = folder / f"{digest[:24]}-{copies}.png"
    Image.fromarray(scale.apply(image)).save(file, compress_level=1)
    return digest
