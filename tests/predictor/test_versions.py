"""A model that was carried to another Keras: what it says of versions, and the sentence where it cannot be loaded."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.helpers.models.colour_model import write_model
from tlsearch import predictor
from tlsearch.predictor import ModelError
from tlsearch.predictor.versions import other_versions, versions_here

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

HERE = {
    "backend": "tensorflow",
    "keras_version": "3.15.1",
    "tensorflow_version": "2.21.0",
    "tlsearch_version": "0.1.0",
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"tlsearch_version": "9"}, ""),
        (
            {"keras_version": "3.20.0"},
            "it was made with Keras 3.20.0, and here is Keras 3.15.1: install those versions "
            "(pip install keras==3.20.0)",
        ),
        (
            {"keras_version": "3.20.0", "tensorflow_version": "2.30.0"},
            "it was made with Keras 3.20.0, TensorFlow 2.30.0, and here is Keras 3.15.1, TensorFlow 2.21.0: install "
            "those versions (pip install keras==3.20.0 tensorflow==2.30.0)",
        ),
    ],
)
def test_versions_are_compared(changed: dict[str, str], said: str) -> None:
    assert other_versions({**HERE, **changed, "image_size": 8}, HERE) == said


def test_another_backend_is_said() -> None:
    made = {"backend": "jax", "keras_version": "3.15.1", "jax_version": "0.9", "tlsearch_version": "0.1.0"}
    assert other_versions(made, HERE) == (
        "it was made with JAX 0.9, backend jax, and here is no JAX, backend tensorflow: set KERAS_BACKEND=jax and "
        "install those versions (pip install jax==0.9)"
    )


def test_a_folder_of_an_older_run_says_what_it_knows() -> None:
    assert other_versions({"image_size": 8}, HERE) == ""
    assert other_versions({"keras_version": "3.15.1"}, HERE) == ""
    assert "made with Keras 3.1," in other_versions({"keras_version": "3.1", "tensorflow_version": None}, HERE)


def test_the_sentence_of_a_model_that_cannot_be_loaded_compares(tmp_path: Path) -> None:
    here = versions_here()
    assert here.keys() >= {"backend", "keras_version", "tlsearch_version"}
    assert here["tlsearch_version"] == version("tlsearch")
    folder = write_model(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **here, "backbone": "vgg16", "keras_version": "3.99"}))
    assert predictor.load(folder).image_size == 8  # what can be loaded is
    (folder / "model.keras").write_text("no archive")
    with pytest.raises(
        ModelError, match=r"model.keras cannot be loaded \(.*\): it was made with Keras 3.99, and here "
    ):
        predictor.load(folder)
