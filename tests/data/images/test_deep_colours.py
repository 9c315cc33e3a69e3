"""Colours of 16 bits are read by their upper 8 bits, and whoever has fewer in them is told."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlsearch.data.images.deep_colours import has_deep_colours
from tlsearch.data.survey import scan

COLOURS = {"grey": 0, "RGB": 2, "grey with alpha": 4, "RGB with alpha": 6}
CHANNELS = {"grey": 1, "RGB": 3, "grey with alpha": 2, "RGB with alpha": 4}


def write_png(file: Path, kind: str, bits: int) -> None:
    """A PNG file of 16 bits a channel that uses so many of them; alpha, where there is some, is all of them."""
    values = np.random.default_rng(sum(map(ord, str(file)))).integers(0, 2**bits, (40, 40, CHANNELS[kind]))
    if "alpha" in kind:
        values[..., -1] = 65535
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 40, 40, 16, COLOURS[kind], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


@pytest.mark.parametrize("kind", [kind for kind in COLOURS if kind != "grey"])
@pytest.mark.parametrize(("bits", "levels"), [(12, 16), (16, None)])
def test_colours_of_fewer_bits_than_their_file_has_are_told(
    tmp_path: Path, kind: str, bits: int, levels: int | None
) -> None:
    for number in range(8):
        write_png(tmp_path / "ab"[number % 2] / f"{number}.png", kind, bits)
    reading = scan(tmp_path).reading
    assert reading is not None
    told = [note for note in reading.notes if "colours of 16 bits" in note]
    expected = f"8 images with colours of 16 bits use {levels} of 256 levels of them, as only the upper 8 bits are read"
    assert [note.partition(":")[0] for note in told] == ([expected] if levels is not None else [])


def test_deep_greys_and_plain_colours_are_none(tmp_path: Path) -> None:
    write_png(tmp_path / "grey.png", "grey", 12)
    Image.new("RGB", (9, 9)).save(tmp_path / "plain.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "plain.jpg")
    Image.new("RGB", (9, 9)).save(tmp_path / "plain.tiff", compression="tiff_lzw")
    for file in tmp_path.iterdir():
        with Image.open(file) as image:
            assert not has_deep_colours(image), file.name
