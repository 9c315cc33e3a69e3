"""What the configuration of a run says of its images, in the words of those who read and survey them."""

from __future__ import annotations

from pathlib import Path

from tlsearch.config import RunConfig
from tlsearch.data.index import ImageOptions
from tlsearch.plugins.kinds.reader import PartName, ReadingOptions
from tlsearch.utils.cache_folders import sources_dir


def reading_options(config: RunConfig, sources: Path | None = None) -> ReadingOptions:
    """What the configuration says of the source of images; ``sources`` is where readers may keep files."""
    named: dict[PartName, Path | None] = {"train": config.train, "val": config.val, "test": config.test}
    return ReadingOptions(
        layout=config.layout,
        parts={part: str(folder) for part, folder in named.items() if folder is not None},
        exclude=config.exclude,
        images=None if config.images is None else str(config.images),
        columns=config.columns,
        cache=sources or sources_dir(config.cache_dir),
    )


def image_options(config: RunConfig) -> ImageOptions:
    """What the configuration asks for of the images."""
    return ImageOptions(
        group_by=config.group_by,
        look_alikes=config.look_alikes,
        resize=config.resize,
        drop_small=config.drop_small_classes,
        max_pixels=config.max_pixels,
    )
