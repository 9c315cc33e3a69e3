"""Pictures that are followed by others in their file, of which the first is used: pages of a stack, animations."""

from __future__ import annotations

from PIL import Image

from tlsearch.utils.units import counted

_STACKS = ("TIFF", "GIF", "WEBP", "PNG", "AVIF")
"""Formats in which further pictures count as much as the first one. In JPEG and HEIF they are previews and depths."""

_SUBFILE, _COPY = 254, 5  # a tag of TIFF, and its bits for a smaller version and for a mask of another page


def has_more_pictures(image: Image.Image) -> bool:
    """Whether an opened picture is followed by others in its file; it may be at the second one afterwards.

    Smaller versions and masks of it are none.
    """
    if image.format not in _STACKS:
        return False
    try:
        if not getattr(image, "is_animated", False) or image.format != "TIFF":
            return bool(getattr(image, "is_animated", False))
        image.seek(1)
    except Exception:  # whatever is wrong with what follows, the first one may be sound
        return False
    tags = getattr(image, "tag_v2", {})
    return not int(tags.get(_SUBFILE, 0)) & _COPY


def remark_more(count: int) -> tuple[str, ...]:
    """A sentence where ``count`` files hold more than one picture."""
    if not count:
        return ()
    holds = "holds" if count == 1 else "hold"
    return (
        f"{counted(count, 'file')} {holds} several pictures, such as the pages of a stack or an animation: only the "
        "first one is used; to use others, save each as a file of its own",
    )
