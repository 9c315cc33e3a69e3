"""Damaged picture files, made by a seeded mutator from small pictures in every format that is read."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

Random = np.random.Generator


@dataclass(frozen=True)
class Mutant:
    """The bytes of a damaged file, and what was done to which picture."""

    origin: str
    damage: str
    data: bytes


@cache
def healthy() -> dict[str, bytes]:
    """Small pictures, undamaged, by a name that says what they are."""
    rows, columns = np.mgrid[0:40, 0:56]
    photo = Image.fromarray(np.stack([rows * 6, columns * 4, rows + columns], -1).astype(np.uint8))
    deep = Image.fromarray((rows * 1600).astype(np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    frames = {"save_all": True, "append_images": [photo.rotate(90)]}
    clear = photo.convert("RGBA")
    clear.putalpha(Image.fromarray((columns * 4).astype(np.uint8)))
    return {
        "baseline.jpg": _saved(photo, "JPEG", exif=exif),
        "progressive.jpg": _saved(photo, "JPEG", progressive=True),
        "grey.jpg": _saved(photo.convert("L"), "JPEG"),
        "cmyk.jpg": _saved(photo.convert("CMYK"), "JPEG"),
        "rgb.png": _saved(photo, "PNG"),
        "palette.png": _saved(photo.quantize(32), "PNG"),
        "alpha.png": _saved(clear, "PNG"),
        "deep.png": _saved(deep, "PNG"),
        "lossy.webp": _saved(photo, "WEBP"),
        "lossless.webp": _saved(clear, "WEBP", lossless=True),
        "moving.webp": _saved(photo, "WEBP", **frames),
        "moving.gif": _saved(photo, "GIF", **frames),
        "plain.bmp": _saved(photo, "BMP"),
        "palette.bmp": _saved(photo.quantize(16), "BMP"),
        "raw.tif": _saved(photo, "TIFF"),
        "lzw.tif": _saved(photo, "TIFF", compression="tiff_lzw"),
        "deflated.tif": _saved(photo, "TIFF", compression="tiff_deflate"),
        "jpeg.tif": _saved(photo, "TIFF", compression="jpeg"),
        "deep.tif": _saved(deep, "TIFF"),
        "pages.tif": _saved(photo, "TIFF", **frames),
    }


def mutants(count: int, seed: int) -> Iterator[Mutant]:
    """``count`` damaged files, the same for the same seed: every picture cut at every 5 %, then every kind of damage to
    every picture in turn."""
    rng = np.random.default_rng(seed)
    pictures = list(healthy().items())
    cuts = [(origin, data, part) for origin, data in pictures for part in range(20)]
    for origin, data, part in cuts[:count]:
        yield Mutant(origin, f"cut at {5 * part} %", data[: len(data) * part // 20])
    for number in range(count - len(cuts)):
        origin, data = pictures[number % len(pictures)]
        damage = DAMAGES[number // len(pictures) % len(DAMAGES)]
        yield Mutant(origin, damage.__name__.strip("_").replace("_", " "), damage(data, rng))


def _saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def _flipped_bits(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 17)):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _random_bytes(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, len(data), max(1, len(data) // int(rng.integers(10, 200)))):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


def _damaged_header(data: bytes, rng: Random) -> bytes:
    """Random bytes among the first 64, where the sizes and offsets lie."""
    changed = bytearray(data)
    for place in rng.integers(2, min(64, len(data)), rng.integers(1, 5)):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


def _extreme_numbers(data: bytes, rng: Random) -> bytes:
    """A 4-byte field anywhere that says nothing, very much, or less than nothing."""
    place = int(rng.integers(0, len(data) - 4))
    number = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 20_000)[int(rng.integers(6))]
    order = "<I" if rng.integers(2) else ">I"
    return data[:place] + struct.pack(order, number) + data[place + 4 :]


def _blanked_part(data: bytes, rng: Random) -> bytes:
    first, last = sorted(int(place) for place in rng.integers(0, len(data), 2))
    return data[:first] + bytes(last - first) + data[last:]


def _missing_part(data: bytes, rng: Random) -> bytes:
    first, last = sorted(int(place) for place in rng.integers(0, len(data), 2))
    return data[:first] + data[last:]


def _repeated_part(data: bytes, rng: Random) -> bytes:
    first, last = sorted(int(place) for place in rng.integers(0, len(data), 2))
    return data[:last] + data[first:last] * int(rng.integers(1, 4)) + data[last:]


def _exchanged_parts(data: bytes, rng: Random) -> bytes:
    first, second, third = sorted(int(place) for place in rng.integers(0, len(data), 3))
    return data[:first] + data[second:third] + data[first:second] + data[third:]


def _noise_inside(data: bytes, rng: Random) -> bytes:
    place = int(rng.integers(0, len(data)))
    return data[:place] + rng.bytes(int(rng.integers(1, 300))) + data[place:]


def _noise_behind(data: bytes, rng: Random) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 5000)))


def _two_files_in_one(data: bytes, rng: Random) -> bytes:
    others = list(healthy().values())
    other = others[int(rng.integers(len(others)))]
    place = int(rng.integers(0, len(data)))
    return data[:place] + other[place:]


DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flipped_bits,
    _random_bytes,
    _damaged_header,
    _extreme_numbers,
    _blanked_part,
    _missing_part,
    _repeated_part,
    _exchanged_parts,
    _noise_inside,
    _noise_behind,
    _two_files_in_one,
)
