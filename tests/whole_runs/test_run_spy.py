"""The pixels of the test split wait until the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.runs.small_run import MARKS
from tests.helpers.workers.worker_here import WorkerHere
from tlsearch.config import RunConfig
from tlsearch.worker.events import Listener
from tlsearch.worker.models.requests import EvaluateModel
from tlsearch.worker.protocol import Request

pytestmark = MARKS

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


class SpiedWorker(WorkerHere):
    """A worker where the spy can see it."""

    spy: Spy

    def send(self, request: Request[Any], listener: Listener | None = None) -> Any:
        self.spy.opened |= isinstance(request, EvaluateModel)
        return super().send(request, listener)


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
    monkeypatch.setattr(SpiedWorker, "spy", spy, raising=False)
    monkeypatch.setattr("tlsearch.pipeline.context.WorkerClient", SpiedWorker)
    return spy


@pytest.mark.slow
@pytest.mark.usefixtures("one_fold", "_with_tables")
def test_the_pixels_of_the_test_split_reach_no_model_before_the_end(
    marked: Path, spy: Spy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tlsearch

    monkeypatch.setattr("tlsearch.pipeline.baseline.train.RATES", (1e-3,))
    monkeypatch.setattr("tlsearch.data.source_parts.FEWEST_TO_CHOOSE_BY", 1)  # so that there is a validation part
    config = RunConfig(
        dataset=marked,
        backbones=("tiny",),
        trials=4,
        epochs=1,
        batch_size=24,
        image_size=32,
        output=tmp_path / "out",
        refit=True,
    )
    result = tlsearch.run(config)
    assert result is not None
    assert result.dataset.total("test") == 24
    assert spy.seen[True, False] == 0
    assert spy.seen[False, False] > 500  # it was awake: training, validation and augmented images came by
    assert {"Model.predict_on_batch", "Model.train_on_batch", "Standard.render"} <= spy.ways
    # Then the winner, the linear probe and two networks from scratch each see every test picture (batches are filled
    # up to 32), and what is trained once more on training and validation pictures sees none.
    assert spy.seen[True, True] == 4 * 32
    assert result.output.refit == "refit"
    assert (tmp_path / "out" / "refit" / "model.keras").exists()
