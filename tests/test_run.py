"""Whole runs, from a folder of images to the report, with a backbone that is as small as can be."""

from __future__ import annotations

import html
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tlsearch.cli import cli
from tlsearch.config import RunConfig
from tlsearch.data.index import scan
from tlsearch.data.split import split
from tlsearch.records import TrialSpec
from tlsearch.results.result import RunResult, read_result
from tlsearch.tracking.quiet import quiet

with quiet():
    from mlflow import MlflowClient
    from mlflow.entities import Run

pytestmark = [
    # Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    # Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

HERE = Path(__file__).parent
OPTIONS = ("--backbone", "tiny", "--trials", "9", "--epochs", "2", "--batch-size", "21", "--image-size", "32")

# The parent of a run in a process of its own, which tells what it has imported in the end. Two folds and two learning
# rates for the baseline instead of three, for time.
PARENT = """
import sys, tlsearch.search.baseline, tlsearch.search.confirm
from tlsearch.cli import cli
tlsearch.search.confirm.MOST_FOLDS = 2
tlsearch.search.baseline.RATES = (1e-3, 3e-3)
try:
    cli.main(sys.argv[1:], prog_name="tlsearch")
finally:
    print("imported:", *({"keras", "tensorflow", "jax", "torch"} & set(sys.modules)))
"""


def tlsearch(*arguments: object) -> Result:
    """What the command line does with ``arguments``."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="tlsearch")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the path, in which the distribution ``tiny-backbone`` is installed."""
    spec = importlib.util.spec_from_file_location("tiny_for_run", HERE / "search" / "tiny_backbone.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = module.install(tmp_path_factory.mktemp("site"))
    assert isinstance(folder, Path)
    return folder


@pytest.fixture(autouse=True)
def _own_folder(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that a run writes goes into the test's own folder, where it also starts; Keras writes elsewhere."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "TLSEARCH_WEIGHTS_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.syspath_prepend(site)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, make_dataset: Callable[..., Path]) -> Path:
    """Three classes of 20 pictures, of which 4 lie in the folder of the next class: nobody can get all right."""
    root = make_dataset(tmp_path_factory.mktemp("images"), per_class=20, size=48)
    classes = sorted(p.name for p in root.iterdir())
    for number, name in enumerate(classes):
        for file in sorted((root / name).glob("0*.png"))[:4]:
            file.rename(root / classes[(number + 1) % 3] / f"moved-{file.name}")
    return root


class Finished:
    """A run that is over: the folder where it started, what it printed, and its result."""

    def __init__(self, home: Path, printed: str) -> None:
        self.home, self.printed = home, printed
        self.output = home / "out"
        self.result: RunResult = read_result(self.output)
        self.plain: Mapping[str, Any] = json.loads((self.output / "result.json").read_text(encoding="utf-8"))

    def trials(self) -> list[tuple[int, TrialSpec, str, float | None, dict[str, float | None]]]:
        """What the search tried and what came of it."""
        return [(r.number, r.spec, r.state, r.value, dict(r.metrics)) for r in self.result.trials if r.role == "trial"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, site: Path, images: Path) -> Finished:
    """One complete run, as a user starts it, with an empty store."""
    home = tmp_path_factory.mktemp("home")
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MLFLOW_TRACKING_URI", "TLSEARCH_WEIGHTS_DIR")
    }
    environment.update(
        PYTHONPATH=str(site), TLSEARCH_CACHE_DIR=str(home / "cache"), KERAS_HOME=str(home / "keras"), COLUMNS="120"
    )
    done = subprocess.run(
        [sys.executable, "-c", PARENT, "run", str(images), *OPTIONS, "--output", "out"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return Finished(home, done.stdout)


def test_the_parent_imports_no_backend_in_a_whole_run(finished: Finished) -> None:
    assert finished.printed.splitlines()[-1].strip() == "imported:"


def test_every_step_says_what_it_found(finished: Finished) -> None:
    steps = [line.split(" ")[0] for line in finished.printed.splitlines() if line[:1].isalpha()]
    wanted = ["data", "plan", "profile", "baseline", "search", "confirm", "test"]
    assert [step for step in steps if step in wanted][: len(wanted)] == wanted
    assert "3 classes, 60 images" in finished.printed
    assert "tiny@random at 32 px" in finished.printed


def test_the_files_that_a_run_leaves(finished: Finished) -> None:
    left = {p.name for p in finished.output.iterdir()}
    assert left == {
        "run.toml", "study.db", "result.json", "trials.csv", "report.html", "worker.log", "model", "linear_probe",
        "baseline",
    }  # fmt: skip
    assert {p.name for p in (finished.output / "model").iterdir()} == {"model.keras", "labels.json", "config.json"}
    assert json.loads((finished.output / "model" / "labels.json").read_text()) == ["ash", "birch", "cedar"]


def test_result_json(finished: Finished, images: Path) -> None:
    plain, result = finished.plain, finished.result
    assert plain["schema_version"] == 1
    index = scan(images)
    assert plain["dataset"]["fingerprint"] == index.fingerprint
    assert plain["dataset"]["classes"] == ["ash", "birch", "cedar"]
    assert [result.dataset.total(part) for part in ("train", "val", "test")] == [42, 9, 9]
    assert plain["dataset"]["skipped"] == []
    assert plain["plan"]["candidates"] == [
        {"label": "tiny@random", "backbone": "tiny", "weights": "random", "image_size": 32, "depth": 4}
    ]
    assert (plain["plan"]["left_out"], plain["plan"]["steps"], plain["plan"]["metric"]) == ([], 4, "accuracy")
    assert plain["winner"]["backbone"] == "tiny"
    assert plain["winner"]["weights"] == "random"
    assert plain["winner"]["freeze_depth"] == len(plain["winner"]["frozen_layers"])  # a layer with weights a cut
    assert [p["cut"] for p in plain["profile"]["tiny@random"]] == ["cut1", "cut2", "cut3", "cut4"]
    assert all(0 <= p["accuracy"] <= 1 for p in plain["profile"]["tiny@random"])
    assert plain["baseline"]["weights"] is None
    assert plain["baseline"]["architecture"] in ("small_cnn", "tiny")
    assert plain["baseline"]["epochs"] == len(plain["histories"]["baseline"]) == 4
    assert plain["metrics"]["confirmed"]["folds"] == 2
    assert plain["metrics"]["ms_per_image"] > 0
    assert plain["metrics"]["megabytes"] == (finished.output / "model" / "model.keras").stat().st_size / 1e6
    assert {"scan", "plan", "profile", "baseline", "search", "confirm", "test", "total"} <= set(plain["timings"])
    steps = sum(seconds for step, seconds in plain["timings"].items() if step != "total")
    assert 0 < steps <= plain["timings"]["total"]
    assert {"tlsearch", "keras", "tensorflow", "optuna", "mlflow", "python"} <= set(plain["versions"])
    assert plain["versions"]["backend"] == "tensorflow"


def test_the_trials_of_the_result(finished: Finished) -> None:
    rows = finished.result.trials
    searched = [r for r in rows if r.role == "trial"]
    assert [r.number for r in rows] == list(range(1, len(rows) + 1))
    assert len(searched) == 9
    assert len({r.spec for r in searched}) == 9
    assert {r.spec.kind for r in searched} == {"frozen", "suffix"}
    assert {r.state for r in searched} <= {"complete", "pruned"}
    best = max(r.value for r in searched if r.value is not None)
    assert finished.result.metrics.val <= best
    winner = next(r for r in searched if r.spec == finished.result.winner.spec)
    assert winner.value == finished.result.metrics.val
    assert sum(r.role == "baseline" and r.state == "complete" for r in rows) == 2  # two architectures
    assert sum(r.role == "baseline" and r.state == "pruned" for r in rows) == 2  # the worse learning rate of each
    assert sum(r.role == "confirmation" for r in rows) == 2 * 4  # three contenders and the baseline, two folds
    lines = (finished.output / "trials.csv").read_text().splitlines()
    assert len(lines) == 1 + len(rows)


def of_matrix(matrix: Any) -> float:
    return float(np.trace(matrix) / np.sum(matrix))


def test_the_model_says_on_the_original_files_what_the_result_says(
    finished: Finished, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tlsearch

    index = scan(images)
    rows = split(index, seed=0).test
    files = [images / index.images[row].path for row in rows]
    labels = [index.images[row].label for row in rows]
    result = finished.result
    scores = {"model": result.metrics.test}
    assert result.linear_probe is not None
    assert result.baseline is not None
    scores |= {"linear_probe": result.linear_probe.test, "baseline": result.baseline.test}
    right: dict[str, list[bool]] = {}
    for name, score in scores.items():
        said = tlsearch.load(finished.output / name).predict(files)
        right[name] = [p.label == index.classes[label] for p, label in zip(said, labels, strict=True)]
        assert np.mean(right[name]) == pytest.approx(score, abs=1e-12), name
    assert result.confusion is not None
    assert of_matrix(result.confusion.matrix) == pytest.approx(result.metrics.test)
    gain = result.gain
    assert gain is not None
    assert gain.test == pytest.approx(result.metrics.test - result.baseline.test)
    pairs = list(zip(right["model"], right["baseline"], strict=True))
    assert gain.discordant == (pairs.count((True, False)), pairs.count((False, True)))
    assert gain.ci95 is not None
    assert gain.ci95[0] <= (gain.test or 0) <= gain.ci95[1]


def test_the_report_names_the_winner(finished: Finished) -> None:
    page = html.unescape((finished.output / "report.html").read_text(encoding="utf-8"))
    assert f'class="recipe">{finished.result.winner.label}</p>' in page
    assert f"{100 * finished.result.metrics.test:.1f}" in page


def test_the_configuration_that_a_run_writes_starts_another(finished: Finished, images: Path) -> None:
    kept = RunConfig.from_toml(finished.output / "run.toml")
    assert kept == RunConfig(images, backbones=("tiny",), trials=9, epochs=2, batch_size=21, image_size=32)
    assert finished.result.command == f"tlsearch run --config {finished.output / 'run.toml'}"


# What MLflow holds of the run.


def children(finished: Finished) -> dict[str, Run]:
    mlflow = finished.result.mlflow
    assert mlflow is not None
    client = MlflowClient(mlflow.tracking_uri)
    found = client.search_runs(
        [mlflow.experiment_id], f"tags.`mlflow.parentRunId` = '{mlflow.parent_run_id}'", max_results=100
    )
    return {run.info.run_id: run for run in found}


def test_a_bare_mlflow_ui_where_the_run_started_shows_it(finished: Finished) -> None:
    mlflow = finished.result.mlflow
    assert mlflow is not None
    assert mlflow.tracking_uri == f"sqlite:///{finished.home}/mlflow.db"
    assert mlflow.ui_command in finished.printed
    parent = MlflowClient(mlflow.tracking_uri).get_run(mlflow.parent_run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["role"] == "search"
    assert parent.data.params["candidates"] == "tiny@random"
    assert parent.data.metrics["test"] == pytest.approx(finished.result.metrics.test)
    artifacts = {a.path for a in MlflowClient(mlflow.tracking_uri).list_artifacts(mlflow.parent_run_id)}
    assert {"report.html", "result.json", "trials.csv"} <= artifacts


def test_every_trial_is_a_run_below_the_parent(finished: Finished) -> None:
    runs = children(finished)
    rows = finished.result.trials
    assert {r.run_id for r in rows} == set(runs)
    wanted = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED", "censored": "KILLED"}
    fingerprint = finished.result.dataset.fingerprint
    for row in rows:
        run = runs[row.run_id or ""]
        tags, params, metrics = run.data.tags, run.data.params, run.data.metrics
        assert run.info.status == wanted[row.state]
        assert run.info.end_time is not None
        assert (tags["role"], tags["state"], tags["backbone"]) == (row.role, row.state, row.spec.backbone)
        assert (tags["weights"], tags["seed"]) == (row.spec.weights or "none", "0")
        assert tags["dataset_fingerprint"] == fingerprint
        assert params["freeze_depth"] == str(row.spec.freeze_depth)
        assert params["policy"] == row.spec.policy
        assert metrics["val_accuracy"] == pytest.approx(row.metrics["val_accuracy"])
        assert metrics["seconds"] > 0
        assert metrics["trainable_params"] > 0
        if row.spec.backbone == "tiny":
            assert tags["plugin.tiny"] == "tiny-backbone 1.5"


def test_frozen_layers_are_recorded(finished: Finished) -> None:
    runs = children(finished)
    mlflow = finished.result.mlflow
    assert mlflow is not None
    frozen = [r for r in finished.result.trials if r.role == "trial" and r.spec.freeze_depth]
    assert len({r.spec.freeze_depth for r in frozen}) > 1
    for row in frozen:
        run = runs[row.run_id or ""]
        depth = row.spec.freeze_depth
        assert run.data.params["cut_point"] == f"cut{depth}"
        assert run.data.params["frozen_layers"] == str(depth)
    last = next(r for r in frozen if r.spec.freeze_depth == 3)
    with quiet():
        file = MlflowClient(mlflow.tracking_uri).download_artifacts(last.run_id or "", "frozen_layers.json")
    assert json.loads(Path(file).read_text()) == {"frozen_layers": ["conv1", "conv2", "conv3"]}


def test_epochs_and_the_gain_are_recorded(finished: Finished) -> None:
    mlflow = finished.result.mlflow
    assert mlflow is not None
    client = MlflowClient(mlflow.tracking_uri)
    runs = children(finished)
    assert finished.result.baseline is not None
    for row in finished.result.trials:
        if row.role != "trial" or row.state != "complete" or row.value is None:
            continue
        metrics = runs[row.run_id or ""].data.metrics
        assert metrics["objective"] == pytest.approx(row.value)
        assert metrics["gain_over_baseline"] == pytest.approx(
            metrics["val_accuracy"] - metrics["baseline_val_accuracy"]
        )
        epochs = client.get_metric_history(row.run_id or "", "val_loss")
        assert len(epochs) == (1 if row.spec.solved else 4 + 1)
        if not row.spec.solved:
            # The value is the mean of the last three epochs, never the best one.
            points = sorted(client.get_metric_history(row.run_id or "", "objective"), key=lambda m: m.step)
            assert np.mean([point.value for point in points[1:4]]) == pytest.approx(row.value)


# The same request gives the same trials.


def again(finished: Finished, images: Path, *options: object) -> Finished:
    """The same search once more, without the baseline, in the test's own folder."""
    done = tlsearch("run", images, *OPTIONS, "--baseline", "none", "--output", "out", *options)
    assert done.exit_code == 0, done.output
    return Finished(Path.cwd(), done.output)


@pytest.fixture
def _one_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.search.confirm.MOST_FOLDS", 1)


@pytest.mark.usefixtures("_one_fold")
def test_the_same_seed_gives_the_same_trials_and_values_from_a_warm_store(finished: Finished, images: Path) -> None:
    store = finished.home / "cache"
    before = {p.name for p in store.rglob("*.npy")}
    assert before
    second = again(finished, images, "--cache-dir", store)
    assert second.trials() == finished.trials()
    assert second.result.winner.spec.kind  # a run without a baseline has a winner all the same
    assert second.result.baseline is None
    assert {p.name for p in store.rglob("*.npy")} == before  # everything was found


@pytest.mark.usefixtures("_one_fold")
def test_without_a_store_the_values_are_the_same(finished: Finished, images: Path) -> None:
    second = again(finished, images, "--cache-limit", "0")
    assert second.trials() == finished.trials()
    assert not list(Path("cache").rglob("*.npy"))


# Requests that cannot be met, and rehearsals.


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("output", [None, "kept"])
def test_a_named_backbone_without_weights_leaves_nothing(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str | None
) -> None:
    monkeypatch.setattr("tlsearch.backbones.weights.reachable", lambda hosts: False)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").write_text("mine")
    before = everything(tmp_path)
    arguments = ["run", images, "--backbone", "vgg16", *(["--output", output] if output else [])]
    done = tlsearch(*arguments)
    assert done.exit_code == 2
    assert "tlsearch weights fetch vgg16" in done.output
    assert "Traceback" not in done.output
    assert everything(tmp_path) == before
    assert (tmp_path / "kept" / "notes.txt").read_text() == "mine"


def test_a_dry_run_stops_after_the_plan_and_leaves_nothing(finished: Finished, tmp_path: Path) -> None:
    before = everything(tmp_path)
    done = tlsearch("run", "--config", finished.output / "run.toml", "--dry-run", "--storage", "sqlite:///study.db")
    assert done.exit_code == 0, done.output
    assert "tiny@random at 32 px" in done.output
    assert "profile" not in done.output
    assert everything(tmp_path) == before


# The pixels of the test split.

MARK = (230, 20, 230)


@pytest.fixture
def marked(tmp_path: Path, make_dataset: Callable[..., Path]) -> Path:
    """A data set with split folders, whose test pictures are all of one colour that no other picture has."""
    root = make_dataset(tmp_path, per_class=8, size=32, splits=("train", "val", "test"))
    rng = np.random.default_rng(0)
    for file in sorted((root / "test").rglob("*.png")):
        pixels = np.asarray(MARK) + rng.integers(-5, 6, (32, 32, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(file)
    return root


class Spy:
    """Counts the images that meet a model or an augmentation: marked ones and others, before and after the test
    split is opened."""

    def __init__(self) -> None:
        self.opened = False
        self.seen = {(marked, opened): 0 for marked in (False, True) for opened in (False, True)}
        self.ways: set[str] = set()

    def look(self, way: str, batch: Any) -> None:
        if not isinstance(batch, np.ndarray):
            try:
                batch = batch.numpy()
            except (AttributeError, NotImplementedError):
                return  # a symbolic tensor, while a graph is traced: it has no pixels
        if batch.ndim != 4 or batch.shape[-1] != 3:
            return
        self.ways.add(way)
        distance = np.abs(batch.astype(np.float32).mean(axis=(1, 2)) - np.asarray(MARK)).max(axis=1)
        for marked in distance < 15:
            self.seen[bool(marked), self.opened] += 1


class InProcess:
    """Stands for the worker process: the same jobs, where the spy can see them."""

    spy: Spy

    def __init__(self, log: Path) -> None:
        from tlsearch.training.jobs import Jobs

        self._on_event: Callable[[Any], Any] | None = None
        self._jobs = Jobs(lambda event: self._on_event(event) if self._on_event else None)

    def start(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *_: object) -> None: ...

    def setup(self, name: str, **kwargs: Any) -> Any:
        return self.call(name, **kwargs)

    def trial(self, name: str, on_event: Callable[[Any], Any] | None = None, **kwargs: Any) -> Any:
        return self.call(name, on_event, **kwargs)

    def call(self, name: str, on_event: Callable[[Any], Any] | None = None, **kwargs: Any) -> Any:
        self.spy.opened |= name == "test"
        self._on_event = on_event
        return getattr(self._jobs, name)(**kwargs)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """A spy at every door through which pixels come to a model."""
    import keras

    from tlsearch_plugins.augmentations import policies

    spy = Spy()

    def watch(owner: Any, name: str, position: int = 1) -> None:
        real = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            spy.look(f"{owner.__name__}.{name}", args[position])
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    for name in ("predict_on_batch", "train_on_batch", "test_on_batch", "predict", "fit", "evaluate", "__call__"):
        watch(keras.Model, name)
    for policy in (policies.Geometric, policies.Standard):
        watch(policy, "render")
    monkeypatch.setattr(InProcess, "spy", spy, raising=False)
    monkeypatch.setattr("tlsearch.search.run.Worker", InProcess)
    return spy


@pytest.mark.usefixtures("_one_fold")
def test_the_pixels_of_the_test_split_reach_no_model_before_the_end(
    marked: Path, spy: Spy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tlsearch

    monkeypatch.setattr("tlsearch.search.baseline.RATES", (1e-3,))
    config = RunConfig(
        marked, backbones=("tiny",), trials=4, epochs=1, batch_size=24, image_size=32, output=tmp_path / "out"
    )
    result = tlsearch.run(config)
    assert result is not None
    assert result.dataset.total("test") == 24
    assert spy.seen[True, False] == 0
    assert spy.seen[False, False] > 500  # it was awake: training, validation and augmented images came by
    assert {"Model.predict_on_batch", "Model.train_on_batch", "Standard.render"} <= spy.ways
    # Then the winner, the linear probe and the baseline each see every test picture (batches are filled up to 32).
    assert spy.seen[True, True] == 3 * 32
