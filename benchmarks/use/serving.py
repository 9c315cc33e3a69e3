"""How fast is the example server beside `mlflow models serve`, and do both answer as `tlsearch predict` does?

    python -m benchmarks.use.serving MODEL_DIR PICTURES

MODEL_DIR is the folder `model` of a run, PICTURES a folder of pictures. The servers get the same files, on loopback:
as bytes (`examples/serve`), as base64 in JSON (the logged winner, which decodes them and computes in Keras), and as
squares of numbers in JSON (the logged ONNX file, which decodes nothing; making the squares is not timed). One to
sixteen clients ask one picture at a time, each as soon as it has its last answer. They run on the same cores as the
server. Before that, every picture is asked once and compared with `tlsearch predict`. Where Chromium, node and npm
are installed, the page of `examples/web` is compared too.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.servers import Question, ask, example_server, load, mlflow_model_server
from benchmarks.common.synthetic_images import CLASSES, write_images
from benchmarks.common.tables import print_rows
from benchmarks.common.web_page import MissingToolError, answers, build_page, find_chromium, open_page, served
from tlsearch import backend
from tlsearch.data.images.decode import read_square
from tlsearch.errors import UsageError
from tlsearch.export.export import ExportedFile, ExportOptions, export_model
from tlsearch.export.logged import onnx_model
from tlsearch.predictor import Predictor, find_pictures
from tlsearch.predictor import load as load_predictor
from tlsearch.results.schema import Mlflow
from tlsearch.tracking.exported_files import log_onnx
from tlsearch.tracking.tracker import Tracker

BENCHMARK = "use.serving"

CLIENTS = (1, 4, 16)
EXAMPLE, EXAMPLE_ALONE, WINNER, ONNX = (
    "examples/serve",
    "examples/serve, no batches",
    "mlflow models serve, winner",
    "mlflow models serve, ONNX",
)
PAGE = "examples/web in Chromium"
JSON = "application/json"
QUICK = {"pictures_at_most": 12, "requests": 20, "page": False}
QUICK_SIDE = 16

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Contestant:
    """A server.

    Attributes:
        name: What it is called.
        start: Gives the address that takes questions.
        questions: One for each picture.
        read: The probabilities of the one picture in an answer.
    """

    name: str
    start: Callable[[], AbstractContextManager[str]]
    questions: tuple[Question, ...]
    read: Callable[[Any], Sequence[float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Export, log, serve, compare, measure and print."""
    options = _options(arguments)
    load_average = round(os.getloadavg()[0], 1)  # of other programs: this one has done nothing yet
    backend.prepare()
    with tempfile.TemporaryDirectory(prefix="tlsearch-serving-") as work:
        room = Path(work)
        if options.quick:
            options.model_dir, options.pictures = _quick_inputs(room, options.seed)
        predictor = load_predictor(options.model_dir)
        files = find_pictures([options.pictures])[: options.pictures_at_most]
        expected = predictor.probabilities(files)
        exported = _exported(predictor, files, room)
        found, loads = {}, []
        for one in _contestants(predictor, exported, files, room):
            say(f"{one.name}: {len(files)} pictures, then {options.requests} requests by {CLIENTS} clients")
            with one.start() as address:
                given = [one.read(ask(address, question)) for question in one.questions]
                found[one.name] = agreement(np.asarray(given), expected)
                loads += [_loaded(one, address, clients, options.requests) for clients in CLIENTS]
        if options.page:
            found.update(_page(exported.path, files, expected, room))
    figures = {
        "backbone": predictor.config.get("backbone"),
        "image_size": predictor.image_size,
        "pictures": len(files),
        "requests": options.requests,
        "load_average": load_average,
        "answers": found,
        "loads": loads,
    }
    _print_tables(figures)
    publish(BENCHMARK, options, figures)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("model_dir", nargs="?", type=Path, help="the folder model of a run")
    parser.add_argument("pictures", nargs="?", type=Path, help="a folder of pictures")
    parser.add_argument("--pictures-at-most", type=int, default=300, help="pictures that are compared (default 300)")
    parser.add_argument("--requests", type=int, default=400, help="requests of each load (default 400)")
    parser.add_argument("--no-page", dest="page", action="store_false", help="leave the page in Chromium out")
    options = parse_options(parser, arguments, QUICK)
    if options.pictures is None and not options.quick:
        parser.error("name the folder of a model and a folder of pictures, or --quick to make both up")
    return options


def _quick_inputs(room: Path, seed: int) -> tuple[Path, Path]:
    """A small network with random weights in a model folder, and pictures."""
    import keras

    keras.utils.set_random_seed(seed)
    inputs = keras.Input((QUICK_SIDE, QUICK_SIDE, 3))
    features = keras.layers.Conv2D(8, 3, activation="relu")(keras.layers.Rescaling(1 / 64)(inputs))
    logits = keras.layers.Dense(len(CLASSES))(keras.layers.GlobalAveragePooling2D()(features))
    folder = room / "model"
    folder.mkdir()
    keras.Model(inputs, keras.layers.Softmax()(logits)).save(folder / "model.keras")
    (folder / "labels.json").write_text(json.dumps(CLASSES), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"image_size": QUICK_SIDE, "backbone": "tiny"}), encoding="utf-8")
    return folder, write_images(room / "images", {"": 20}, 48, seed)


def _exported(predictor: Predictor, files: Sequence[Path], room: Path) -> ExportedFile:
    """The network as an ONNX file with its proof, on the pictures themselves where they have no run."""
    target = ExportOptions(formats=("onnx",), to=room / "exported", accept_loss=True)
    try:
        (file,) = export_model(predictor.folder, target)
    except UsageError:  # of no run, or its images are gone: any labels do for the proof of equal numbers
        labelled = room / "labelled" / predictor.labels[0]
        labelled.mkdir(parents=True)
        for number, picture in enumerate(files):
            (labelled / f"{number:05}{picture.suffix}").write_bytes(picture.read_bytes())
        (file,) = export_model(predictor.folder, replace(target, images=labelled.parent))
    return file


def _contestants(
    predictor: Predictor, exported: ExportedFile, files: Sequence[Path], room: Path
) -> Iterator[Contestant]:
    """The servers, with what is sent to each."""
    contents = [file.read_bytes() for file in files]
    raw = tuple(Question(content, "application/octet-stream") for content in contents)
    log = room / "server.log"

    def from_example(answer: Any) -> Sequence[float]:
        probabilities = answer["predictions"][0]["probabilities"]
        return [probabilities[label] for label in predictor.labels]

    for name, most in ((EXAMPLE, 16), (EXAMPLE_ALONE, 1)):
        yield Contestant(name, partial(_predicting, exported.path, log, most), raw, from_example)
    store = _Store(predictor, room)
    texts = [base64.b64encode(content).decode() for content in contents]
    tables = tuple(_json({"dataframe_split": {"columns": ["image"], "data": [[text]]}}) for text in texts)
    yield Contestant(WINNER, partial(_invoking, store.winner(), store.uri, log), tables, _from_winner)
    squares = [
        read_square(file, predictor.image_size, predictor.decode_size, predictor.decoding).tolist() for file in files
    ]
    arrays = tuple(_json({"inputs": [square]}) for square in squares)
    yield Contestant(ONNX, partial(_invoking, store.onnx(exported), store.uri, log), arrays, _from_onnx)


def _json(content: Mapping[str, Any]) -> Question:
    return Question(json.dumps(content).encode(), JSON)


def _from_winner(answer: Any) -> Sequence[float]:
    row: Sequence[float] = answer["predictions"][0]["probabilities"]
    return row


def _from_onnx(answer: Any) -> Sequence[float]:
    row: Sequence[float] = answer["predictions"]["probabilities"][0]
    return row


class _Store:
    """An MLflow store of its own, with the winner and its ONNX file as models of one run."""

    def __init__(self, predictor: Predictor, room: Path) -> None:
        self.predictor = predictor
        self.tracker = Tracker.open("sqlite:///mlflow.db", "serving", directory=room)
        self.uri = self.tracker.uri
        self.run_id = self.tracker.start_parent("serving", {}, {})

    def winner(self) -> str:
        """Log the model folder and give its address."""
        side = self.predictor.image_size
        example = np.zeros((1, side, side, 3), np.uint8)
        return self.tracker.log_model(self.run_id, self.predictor.folder, example, self.predictor.labels)

    def onnx(self, exported: ExportedFile) -> str:
        """Log the ONNX file and give its address."""
        record = Mlflow(
            tracking_uri=self.uri,
            experiment_id=self.tracker.experiment_id,
            parent_run_id=self.run_id,
            ui_command="mlflow ui",
        )
        return log_onnx(record, onnx_model(exported), exported.path.parent)


@contextmanager
def _predicting(model: Path, log: Path, batch: int) -> Iterator[str]:
    with example_server(model, log, BATCH=batch) as address:
        yield f"{address}/predict"


@contextmanager
def _invoking(model: str, uri: str, log: Path) -> Iterator[str]:
    with mlflow_model_server(model, uri, log) as address:
        yield f"{address}/invocations"


def agreement(given: Floats, expected: Floats) -> dict[str, Any]:
    """How far probabilities of shape (pictures, classes) lie from those of ``tlsearch predict``."""
    return {
        "largest_difference": float(np.abs(given - expected).max()),
        "same_class": float((given.argmax(axis=1) == expected.argmax(axis=1)).mean()),
    }


def _loaded(one: Contestant, address: str, clients: int, requests: int) -> dict[str, Any]:
    """One load, after a short one that is not counted."""
    load(address, one.questions, clients, max(clients, requests // 10))
    seconds, together = load(address, one.questions, clients, requests)
    p50, p95 = (1000 * float(np.quantile(seconds, share)) for share in (0.5, 0.95))
    return {
        "server": one.name,
        "clients": clients,
        "p50_ms": round(p50, 1),
        "p95_ms": round(p95, 1),
        "a_second": round(len(seconds) / together, 1),
    }


def _page(model: Path, files: Sequence[Path], expected: Floats, room: Path) -> dict[str, Any]:
    """The answers of the page, where it can be built and shown."""
    try:
        from playwright.sync_api import sync_playwright

        chromium, site = find_chromium(), build_page(model, room)
    except (ImportError, MissingToolError) as error:
        say(f"the page is left out: {error}")
        return {}
    with ExitStack() as stack:
        address = stack.enter_context(served(site))
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=chromium)
        stack.callback(browser.close)
        say(f"{PAGE} {browser.version}: {len(files)} pictures")
        given = answers(open_page(browser, address), files)
        return {PAGE: {**agreement(np.asarray(given), expected), "version": browser.version}}


def _print_tables(figures: Mapping[str, Any]) -> None:
    print_rows("Answers beside tlsearch predict", [{"of": name, **row} for name, row in figures["answers"].items()])
    print_rows("Under load", figures["loads"])


if __name__ == "__main__":
    sys.exit(main())
