"""A server for a network that `tlsearch export MODEL_DIR --format onnx` has written. Only /explain needs tlsearch.

    MODEL=model.onnx python app.py

What the variables of the environment below say can be changed. It listens on this machine alone unless HOST says
otherwise: it asks nobody who they are, so put it behind a server that does before others can reach it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import warnings
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import uvicorn
from doubts import is_exported_from, prediction_set, read_sidecar
from fastapi import FastAPI, HTTPException, Request
from pictures import decode
from PIL import Image
from settings import listen, real, share, stop, whole
from starlette.datastructures import UploadFile

MODEL = os.environ.get("MODEL", "model.onnx")
MODEL_DIR = os.environ.get("MODEL_DIR", "")  # the folder of the model that was exported, for /explain
HOST, PORT = os.environ.get("HOST", "127.0.0.1"), whole("PORT", 8000, most=65535)
THREADS = whole("THREADS", 0, most=1024) or os.cpu_count() or 1
MAX_BYTES = whole("MAX_BYTES", 20_000_000, least=1)  # of a request
MAX_PIXELS = whole("MAX_PIXELS", 50_000_000, least=1)  # of a picture
MAX_WAITING = whole("MAX_WAITING", 256, least=1)  # pictures of all requests, and requests; more are turned away: 503
MAX_PICTURES = min(whole("MAX_PICTURES", 64, least=1), MAX_WAITING)  # of a request
BATCH = whole("BATCH", 16, most=4096, least=1)  # pictures that the network takes at once, at most
BATCH_MS = real("BATCH_MS", 2, most=60_000)  # milliseconds that the first picture waits for others
COVERAGE = share("COVERAGE", 0.9)  # of prediction sets, unless a request asks for another


# --- the network, with pictures of several requests at once


class Answer(NamedTuple):
    """What the network says of a picture."""

    probabilities: np.ndarray
    distance: float | None  # from the training images; None where the file was exported without --unlike


class Network:
    """The exported network. Pictures that come within ``BATCH_MS`` of each other go through it together."""

    def __init__(self, path: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.log_severity_level = 3  # errors; what it warns of concerns the file, which its proof has judged
        if not Path(path).is_file():
            stop(f"MODEL={path} is no file: name the .onnx file that tlsearch export wrote.")
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            self.metadata = self.session.get_modelmeta().custom_metadata_map
            self.labels, self.size = json.loads(self.metadata["labels"]), int(self.metadata["image_size"])
        except Exception as error:  # onnxruntime raises many kinds for a file that is damaged
            stop(f"MODEL={path} is damaged or not by tlsearch export ({_first_line(error)}): export the model again.")
        self.sidecar = read_sidecar(Path(path), self.metadata)
        self.outputs = [output.name for output in self.session.get_outputs()]
        self.input = self.session.get_inputs()[0].name
        self.waiting: asyncio.Queue[tuple[np.ndarray, asyncio.Future[Answer]]] = asyncio.Queue()
        self.full = asyncio.Event()
        self.pictures = self.batches = 0

    async def answers(self, squares: list[np.ndarray]) -> list[Answer]:
        """What the network says of each square."""
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
                    given = await loop.run_in_executor(pool, self.session.run, None, {self.input: pixels})
                    found = self._answers(dict(zip(self.outputs, given, strict=True)))
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

    @staticmethod
    def _answers(given: Mapping[str, np.ndarray]) -> list[Answer]:
        rows = given["probabilities"]
        distances = given["distance"].tolist() if "distance" in given else [None] * len(rows)
        return [Answer(row, distance) for row, distance in zip(rows, distances, strict=True)]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


# --- what the server answers


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    Image.init()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    app.state.decoders, app.state.one = ThreadPoolExecutor(THREADS), ThreadPoolExecutor(1)
    app.state.places = asyncio.Semaphore(MAX_WAITING)
    worker = asyncio.create_task(app.state.network.work())
    yield
    worker.cancel()


def _explainer(network: Network) -> Any:
    """What draws heat maps; None where no model is named or tlsearch is not installed."""
    names = ("tlsearch", "tlsearch.explain")
    if MODEL_DIR and not Path(MODEL_DIR).is_dir():
        stop(f"MODEL_DIR={MODEL_DIR} is no folder: name the folder of the model that was exported, or leave it out.")
    if not MODEL_DIR or any(importlib.util.find_spec(name) is None for name in names):
        return None
    if not is_exported_from(Path(MODEL_DIR), network.metadata, network.sidecar):
        stop(f"MODEL_DIR={MODEL_DIR} is not the model that MODEL={MODEL} was exported from: name that one.")
    from tlsearch import TlsearchError
    from tlsearch.explain.maps import Explainer
    from tlsearch.predictor import load

    try:
        return Explainer(load(MODEL_DIR))
    except TlsearchError as error:
        stop(f"MODEL_DIR={MODEL_DIR} cannot be used: {error}")


app = FastAPI(title="Pictures to classes", lifespan=lifespan, docs_url=None, redoc_url=None)


@app.get("/health")
async def health() -> dict[str, Any]:
    """Whether it answers, what it knows, and how many pictures went through the network in how many batches."""
    network = app.state.network
    return {
        "status": "ok",
        "classes": network.labels,
        "image_size": network.size,
        "waiting": network.waiting.qsize(),
        "pictures": network.pictures,
        "batches": network.batches,
    }


@app.post("/predict")
async def predict(request: Request) -> dict[str, Any]:
    """The class of each picture: the bytes of one as the body, or files in a form (multipart); ?coverage=0.95."""
    coverage = _coverage(request)
    async with _place():
        names, squares = await _squares(request)
        found = await app.state.network.answers(squares)
    return {"predictions": [_answer(name, answer, coverage) for name, answer in zip(names, found, strict=True)]}


@app.post("/explain")
async def explain(request: Request) -> dict[str, Any]:
    """Where the network looked: what each place adds to the logit of the best class, or of ?class=NAME."""
    explainer, labels = app.state.explainer, app.state.network.labels
    if explainer is None:
        raise HTTPException(501, "This server draws no heat maps: install tlsearch and name the model in MODEL_DIR.")
    wanted = request.query_params.get("class")
    if wanted not in (None, *labels):
        raise HTTPException(422, f"There is no class {wanted[:100]!r}: it is one of {', '.join(labels)}.")
    async with _place():
        names, squares = await _squares(request)
        about = None if wanted is None else np.full(len(squares), labels.index(wanted))
        found = await asyncio.get_running_loop().run_in_executor(app.state.one, explainer, np.stack(squares), about)
    maps = [
        {"name": name, "class": labels[found.classes[row]], "logit": float(found.logits[row]), "map": each.tolist()}
        for row, (name, each) in enumerate(zip(names, found.maps, strict=True))
    ]
    return {"method": found.method, "exact": found.exact, "maps": maps}


def _place() -> asyncio.Semaphore:
    """A place among the requests that are answered at the same time: their pictures are in memory."""
    if app.state.places.locked():
        raise HTTPException(503, "Too many requests are waiting: try again later.", {"Retry-After": "1"})
    return app.state.places


async def _squares(request: Request) -> tuple[list[str], list[np.ndarray]]:
    """The names of the pictures of a request, and what the network takes of each."""
    loop, pictures = asyncio.get_running_loop(), await _pictures(request)
    work = [loop.run_in_executor(app.state.decoders, decode, data, app.state.network.metadata) for _, data in pictures]
    squares = await asyncio.gather(*work, return_exceptions=True)
    for number, (found, (name, _)) in enumerate(zip(squares, pictures, strict=True), 1):
        if isinstance(found, BaseException):
            shown = f" ({name[:100]})" if name else ""
            raise HTTPException(422, f"The picture {number}{shown} cannot be used: {found}.")
    return [name for name, _ in pictures], squares


def _coverage(request: Request) -> float | None:
    """The coverage of prediction sets; None where the server has nothing to make them by and none is asked for."""
    asked, known = request.query_params.get("coverage"), app.state.network.sidecar.get("prediction_sets")
    if known is None and asked is not None:
        raise HTTPException(422, f"There are no scores to make prediction sets by in {MODEL}.json: leave coverage out.")
    with suppress(ValueError):
        if 0 < (coverage := COVERAGE if asked is None else float(asked)) < 1:
            return None if known is None else coverage
    raise HTTPException(422, "The coverage is a number above 0 and below 1, such as 0.9.")


def _answer(name: str, answer: Answer, coverage: float | None) -> dict[str, Any]:
    network, row = app.state.network, answer.probabilities
    labels, best, sidecar = network.labels, int(row.argmax()), network.sidecar
    found: dict[str, Any] = {
        "name": name,
        "label": labels[best],
        "probability": float(row[best]),
        "probabilities": dict(zip(labels, row.tolist(), strict=True)),
    }
    if coverage is not None:
        names = prediction_set(row, labels, sidecar["prediction_sets"], coverage)
        found |= {"prediction_set": names, "not_sure": len(names) > 1, "coverage": coverage}
    if answer.distance is not None and sidecar.get("unlike") is not None:
        found |= {"distance": answer.distance, "unlike": answer.distance > sidecar["unlike"]["above"]}
    return found


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
    listening = listen(HOST, PORT)
    app.state.network = Network(MODEL)
    app.state.explainer = _explainer(app.state.network)
    print(f"http://{HOST}:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app)).run(sockets=[listening])
