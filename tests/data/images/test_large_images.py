"""Large pictures: refused by the memory that they need, not by what their headers say."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlsearch.data.images import rgb
from tlsearch.data.images.decode import ImageError, calm_pillow, read_picture, read_square
from tlsearch.data.images.memory_budget import MemoryBudget
from tlsearch.data.images.memory_needed import DECODE_BYTES
from tlsearch.data.images.rgb import Decoding, UnreadableError, draft, open_image
from tlsearch.data.index import ImageOptions
from tlsearch.data.survey import scan

MakeDataset = Callable[..., Path]

PEAK = """
import sys
from pathlib import Path
from PIL import Image
from tlsearch.data.images.decode import calm_pillow, read_picture
from tlsearch.data.images.rgb import Decoding, draft, is_deep, open_image

def peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024

file, warm = Path(sys.argv[1]), Path(sys.argv[2])
with calm_pillow():
    read_picture(warm, 64)
    before = peak()
    picture = read_picture(file, 64)
    print(draft(open_image(file), 64), peak() - before, picture.width, *picture.square[32, 32])
"""


def png_header(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes that claims to be large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 50)) + chunk(b"IEND", b"")
    )


def gif_header(side: int) -> bytes:
    """A GIF of some bytes whose first frame is large, and is to be wiped out before the next."""
    screen = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    control = b"\x21\xf9\x04\x08\0\0\0\0"
    return screen + control + b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\0;"


def several_scans(side: int) -> bytes:
    """A JPEG that is not progressive and whose first scan holds one of three components."""
    stream = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(stream, "JPEG")
    data = stream.getvalue()
    start = data.index(b"\xff\xda")
    return data[:start] + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + data[start + 14 :]


@pytest.fixture(scope="module")
def huge_jpeg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 million pixels of one colour."""
    file = tmp_path_factory.mktemp("huge") / "huge.jpg"
    Image.new("RGB", (20_000, 20_000), (200, 60, 30)).save(file, quality=30)
    return file


def measure(file: Path) -> tuple[int, int, int, tuple[int, ...]]:
    """Bytes that decoding is said to need, those that it takes in a process of its own, width, colour of the middle."""
    warm = file.parent / "warm.png"
    Image.new("RGB", (64, 64)).save(warm)
    done = subprocess.run([sys.executable, "-c", PEAK, file, warm], capture_output=True, text=True, check=True)
    said, taken, width, *colour = (int(word) for word in done.stdout.split())
    return said, taken, width, tuple(colour)


def test_a_jpeg_of_400_megapixels_is_read_in_little_memory(huge_jpeg: Path) -> None:
    said, taken, width, colour = measure(huge_jpeg)
    assert width == 20_000
    assert np.abs(np.subtract(colour, (200, 60, 30))).max() <= 3
    assert taken < said + 20e6 < 150e6


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("I;16", "PNG", {}),
        ("L", "PNG", {}),
        ("RGB", "TIFF", {}),
        ("RGB", "WEBP", {}),
        ("RGB", "JPEG", {"progressive": True, "subsampling": 0}),
    ],
    ids=lambda value: str(value),
)
def test_no_picture_takes_more_memory_than_is_said(
    tmp_path: Path, mode: str, kind: str, options: dict[str, object]
) -> None:
    file = tmp_path / "picture"
    Image.new(mode, (3000, 3000)).save(file, kind, **options)
    said, taken, *_ = measure(file)
    assert 0.6 * said - 10e6 < taken < said + 10e6


def test_what_needs_too_much_is_refused_with_what_it_needs_and_the_ways_out(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png_header(16_000, 16_000))
    with calm_pillow(), pytest.raises(ImageError) as refused:
        read_picture(file, 32, "cats/a.png")
    assert refused.value.reason == (
        "it has 256,000,000 pixels, which need 2.3 GB of memory; the most is 2 GB: make it smaller, or allow it with "
        "--max-pixels"
    )
    with calm_pillow(), pytest.raises(ImageError, match="truncated"):  # allowed, and then read
        read_picture(file, 32, decoding=Decoding(max_pixels=256_000_000))


@pytest.mark.parametrize(
    "data",
    [png_header(2**31 - 1, 2**31 - 1), png_header(60_000, 60_000), gif_header(65_535)],
    ids=["4 exapixels", "3.6 gigapixels", "gif"],
)
def test_bombs_are_refused_before_anything_is_decoded(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "bomb"
    file.write_bytes(data)
    warm = tmp_path / "warm.png"
    Image.new("RGB", (64, 64)).save(warm)
    code = PEAK.replace("picture = read_picture(file, 64)", "picture = refused()").replace(
        "file, warm =",
        "def refused():\n    try:\n        read_picture(file, 64)\n    except Exception as error:\n"
        "        print(error, '|', peak() - before)\n        sys.exit()\nfile, warm =",
    )
    done = subprocess.run([sys.executable, "-c", code, file, warm], capture_output=True, text=True, check=True)
    said, taken = done.stdout.split("|")
    assert "pixels" in said
    assert "--max-pixels" in said
    assert int(taken) < 30e6


def test_a_jpeg_in_several_scans_counts_with_all_its_coefficients(tmp_path: Path) -> None:
    plain, apart = io.BytesIO(), io.BytesIO(several_scans(2000))
    Image.new("RGB", (2000, 2000), "teal").save(plain, "JPEG")
    needed = [draft(open_image(data), 32) for data in (plain, apart)]
    # 8 bits of brightness, and colour at half the resolution: 1.5 coefficients of 2 bytes a pixel
    assert needed[1] - needed[0] == pytest.approx(3 * 2000**2, abs=100)


def test_max_pixels_is_the_limit_for_those_who_set_one(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.new("RGB", (60, 40)).save(file)
    assert read_square(file, 16, decoding=Decoding(max_pixels=2400)).shape == (16, 16, 3)
    with pytest.raises(ImageError, match=r"2,400 pixels.*--max-pixels is 2,399"):
        read_square(file, 16, decoding=Decoding(max_pixels=2399))


def test_pillows_own_limit_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for kind in ("PNG", "JPEG", "GIF"):
        file = tmp_path / kind
        Image.new("RGB", (60, 40)).save(file, kind)
        with calm_pillow():
            assert read_picture(file, 16).width == 60
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_broken_jpeg_above_pillows_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    stream = io.BytesIO()
    Image.effect_noise((60, 60), 50).save(stream, "JPEG")
    with pytest.raises(UnreadableError, match="truncated"):
        rgb.read_square(stream.getvalue()[:900], 32)


def test_a_data_set_uses_what_is_allowed(tmp_path: Path, make_dataset: MakeDataset, huge_jpeg: Path) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=16)
    (root / "a" / "huge.jpg").symlink_to(huge_jpeg)
    (root / "b" / "bomb.png").write_bytes(png_header(16_000, 16_000))
    index = scan(root)
    assert {image.path for image in index.images if image.width == 20_000} == {"a/huge.jpg"}
    (skipped,) = index.skipped
    assert skipped.path == "b/bomb.png"
    assert "2.3 GB" in skipped.reason
    strict = scan(root, options=ImageOptions(max_pixels=100_000_000))
    assert [item.path for item in strict.skipped] == ["a/huge.jpg", "b/bomb.png"]
    assert strict.fingerprint != index.fingerprint


def test_threads_share_the_memory_budget_and_the_largest_is_alone() -> None:
    budget, held, most = MemoryBudget(10), [0], [0]
    lock = threading.Lock()

    def work(needed: int) -> None:
        for _ in range(200):
            with budget.take(needed):
                with lock:
                    held[0] += min(needed, 10)
                    most[0] = max(most[0], held[0])
                with lock:
                    held[0] -= min(needed, 10)

    threads = [threading.Thread(target=work, args=(needed,)) for needed in (3, 4, 5, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most[0] <= 10
    assert held == [0]
    assert DECODE_BYTES == 2_000_000_000
