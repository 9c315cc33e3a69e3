"""A server for a network that `tlsearch export MODEL_DIR --format onnx` has written. Only /explain needs tlsearch.

    MODEL=model.onnx python app.py

What the variables of the environment below say can be changed. It listens on this machine alone unless HOST says
otherwise: it asks nobody who they are, so put it behind a server that does before others can reach it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import os
import warnings
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from PIL import Image, ImageOps, UnidentifiedImageError
from starlette.datastructures import UploadFile

MODEL = os.environ.get("MODEL", "model.onnx")
MODEL_DIR = os.environ.get("MODEL_DIR", "")  # the folder of the model that was exported, for /explain
HOST, PORT = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
THREADS = int(os.environ.get("THREADS", "0")) or os.cpu_count() or 1
MAX_BYTES = int(os.environ.get("MAX_BYTES", "20_000_000"))  # of a request
MAX_PIXELS = int(os.environ.get("MAX_PIXELS", "50_000_000"))  # of a picture
MAX_PICTURES = int(os.environ.get("MAX_PICTURES", "64"))  # of a request
MAX_WAITING = int(os.environ.get("MAX_WAITING", "256"))  # pictures of all requests; more are turned away with 503
BATCH = int(os.environ.get("BATCH", "16"))  # pictures that the network takes at once, at most
BATCH_MS = float(os.environ.get("BATCH_MS", "2"))  # milliseconds that the first picture waits for others

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")


# --- a picture becomes a square, exactly as `tlsearch predict` makes it one; a test compares both to the last bit


def decode(data: bytes, told: Mapping[str, str]) -> np.ndarray:
    """The RGB values of an encoded picture, uint8 (S, S, 3).

    Args:
        data: The bytes of a file.
        told: The metadata of the exported file.

    Raises:
        ValueError: It cannot be used; the message says why.
    """
    size = int(told["image_size"])
    base = int(told.get("decode_size", size))
    try:
        image = Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])
        if image.format in ("JPEG", "MPO"):  # a large JPEG is decoded at a half, a quarter or an eighth of its size
            least = int(told.get("jpeg_draft", 2 * max(base, 224)))
            image.draft(None, (least, least))
        image.load()
        with suppress(Exception):  # odd EXIF data must not cost the picture
            image = ImageOps.exif_transpose(image)
        square = _square(_rgb(image, json.loads(told.get("window", "null"))), base, told)
    except UnidentifiedImageError:
        raise ValueError("it is no picture of a format that is read here: send a JPEG, PNG or WebP file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"it has more than {MAX_PIXELS:,} pixels: make it smaller") from None
    except Exception as error:  # decoders raise many kinds for a file that is broken
        raise ValueError(f"it is damaged ({str(error).strip() or type(error).__name__}): send it again") from error
    if base != size:  # the run kept larger squares than this network takes
        square = square.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(square)


def _rgb(image: Image.Image, window: tuple[float, float] | None) -> Image.Image:
    """Eight bits of red, green and blue: transparent pixels over white, deep greys scaled by the window."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError("it holds values that are not finite")
        low, high = float(values.min()), float(values.max())
        most = 1.0 if image.mode == "F" else 65535.0
        if window is not None or (low >= 0.0 and high <= most):
            low, high = window or (0.0, most)
        scaled = (values.clip(low, high) - low) * (255.0 / (high - low)) if high > low else np.zeros_like(values)
        return Image.fromarray(np.rint(scaled).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    direct = image.mode in ("RGB", "L", "CMYK", "YCbCr", "HSV", "1", "P")
    return image.convert("RGB") if direct else image.convert("RGBA").convert("RGB")


def _square(image: Image.Image, side: int, told: Mapping[str, str]) -> Image.Image:
    how = told.get("resize", "squash")
    if image.width != image.height and how == "pad":
        around = tuple(json.loads(told.get("padding", "[124, 116, 104]")))
        return ImageOps.pad(image, (side, side), Image.Resampling.BILINEAR, around)
    if image.width != image.height and how == "crop":
        return ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR)
    return image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=3.0)


# --- the network, with pictures of several requests at once


class Network:
    """The exported network. Pictures that come within ``BATCH_MS`` of each other go through it together."""

    def __init__(self, path: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.told = self.session.get_modelmeta().custom_metadata_map
        self.labels = json.loads(self.told["labels"])
        self.input = self.session.get_inputs()[0].name
        self.waiting: asyncio.Queue[tuple[np.ndarray, asyncio.Future[np.ndarray]]] = asyncio.Queue()
        self.full = asyncio.Event()
        self.pictures = self.batches = 0

    async def probabilities(self, squares: list[np.ndarray]) -> list[np.ndarray]:
        """One row of probabilities for each square."""
        if self.waiting.qsize() + len(squares) > MAX_WAITING:
            raise HTTPException(503, "Too many pictures are waiting: try again later.", {"Retry-After": "1"})
        answers = [asyncio.get_running_loop().create_future() for _ in squares]
        for square, answer in zip(squares, answers, strict=True):
            self.waiting.put_nowait((square, answer))
        if self.waiting.qsize() >= BATCH - 1:  # and the one that waits for them
            self.full.set()
        return await asyncio.gather(*answers)

    async def work(self) -> None:
        """Take batches from those that wait, for ever."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            while True:
                batch = [await self.waiting.get()]
                if self.waiting.qsize() < BATCH - 1:
                    self.full.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self.full.wait(), BATCH_MS / 1000)
                while len(batch) < BATCH and not self.waiting.empty():
                    batch.append(self.waiting.get_nowait())
                pixels = np.stack([square for square, _ in batch]).astype(np.float32)
                found: Any
                try:
                    found = (await loop.run_in_executor(pool, self.session.run, None, {self.input: pixels}))[0]
                except Exception as error:  # for those who asked; the next ones get another try
                    found = error
                self.pictures, self.batches = self.pictures + len(batch), self.batches + 1
                for row, (_, answer) in enumerate(batch):
                    if answer.done():  # its request is gone
                        continue
                    if isinstance(found, Exception):
                        answer.set_exception(found)
                    else:
                        answer.set_result(found[row])


# --- what the server answers


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    Image.init()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    app.state.network = Network(MODEL)
    app.state.decoders, app.state.one = ThreadPoolExecutor(THREADS), ThreadPoolExecutor(1)
    app.state.explainer = _explainer()
    worker = asyncio.create_task(app.state.network.work())
    yield
    worker.cancel()


def _explainer() -> Any:
    """What draws heat maps; None where no model is named or tlsearch is not installed."""
    names = ("tlsearch", "tlsearch.explain")
    if not MODEL_DIR or any(importlib.util.find_spec(name) is None for name in names):
        return None
    from tlsearch.explain.maps import Explainer
    from tlsearch.predictor import load

    return Explainer(load(MODEL_DIR))


app = FastAPI(title="Pictures to classes", lifespan=lifespan, docs_url=None, redoc_url=None)


@app.get("/health")
async def health() -> dict[str, Any]:
    """Whether it answers, what it knows, and how many pictures went through the network in how many batches."""
    network = app.state.network
    return {
        "status": "ok",
        "classes": network.labels,
        "image_size": int(network.told["image_size"]),
        "waiting": network.waiting.qsize(),
        "pictures": network.pictures,
        "batches": network.batches,
    }


@app.post("/predict")
async def predict(request: Request) -> dict[str, Any]:
    """The class of each picture: the bytes of one as the body, or files in a form (multipart)."""
    names, squares = await _squares(request)
    rows = await app.state.network.probabilities(squares)
    return {"predictions": [_answer(name, row) for name, row in zip(names, rows, strict=True)]}


@app.post("/explain")
async def explain(request: Request) -> dict[str, Any]:
    """Where the network looked: what each place adds to the logit of the best class, or of ?class=NAME."""
    explainer, labels = app.state.explainer, app.state.network.labels
    if explainer is None:
        raise HTTPException(501, "This server draws no heat maps: install tlsearch and name the model in MODEL_DIR.")
    wanted = request.query_params.get("class")
    if wanted not in (None, *labels):
        raise HTTPException(422, f"There is no class {wanted[:100]!r}: it is one of {', '.join(labels)}.")
    names, squares = await _squares(request)
    about = None if wanted is None else np.full(len(squares), labels.index(wanted))
    found = await asyncio.get_running_loop().run_in_executor(app.state.one, explainer, np.stack(squares), about)
    maps = [
        {"name": name, "class": labels[found.classes[row]], "logit": float(found.logits[row]), "map": each.tolist()}
        for row, (name, each) in enumerate(zip(names, found.maps, strict=True))
    ]
    return {"method": found.method, "exact": found.exact, "maps": maps}


async def _squares(request: Request) -> tuple[list[str], list[np.ndarray]]:
    """The names of the pictures of a request, and what the network takes of each."""
    loop, pictures = asyncio.get_running_loop(), await _pictures(request)
    work = [loop.run_in_executor(app.state.decoders, decode, data, app.state.network.told) for _, data in pictures]
    squares = await asyncio.gather(*work, return_exceptions=True)
    for number, (found, (name, _)) in enumerate(zip(squares, pictures, strict=True), 1):
        if isinstance(found, BaseException):
            shown = f" ({name[:100]})" if name else ""
            raise HTTPException(422, f"The picture {number}{shown} cannot be used: {found}.")
    return [name for name, _ in pictures], squares


def _answer(name: str, row: np.ndarray) -> dict[str, Any]:
    labels, best = app.state.network.labels, int(row.argmax())
    return {
        "name": name,
        "label": labels[best],
        "probability": float(row[best]),
        "probabilities": dict(zip(labels, row.tolist(), strict=True)),
    }


async def _pictures(request: Request) -> list[tuple[str, bytes]]:
    """The files of a request with their names, as far as they have one."""
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise HTTPException(411, "The request does not say how long it is: send the header Content-Length.")
    if int(length) > MAX_BYTES:
        raise HTTPException(413, f"The request has more than {MAX_BYTES:,} bytes: send fewer or smaller pictures.")
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=MAX_PICTURES, max_fields=0) as form:
            files = [file for _, file in form.multi_items() if isinstance(file, UploadFile)]
            found = [(file.filename or "", await file.read()) for file in files]
    else:
        found = [("", await request.body())]
    if not any(data for _, data in found):
        raise HTTPException(422, "The request holds no picture: send its bytes as the body, or files in a form.")
    return found


if __name__ == "__main__":
    uvicorn.run(app, host=HOST, port=PORT, limit_concurrency=MAX_WAITING)
