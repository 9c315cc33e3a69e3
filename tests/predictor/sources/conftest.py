"""A model that looks at colours."""

from __future__ import annotations

import pytest

from tests.helpers.models.colour_model import write_model
from tlsearch.predictor import Predictor, load


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return load(write_model(tmp_path_factory.mktemp("run") / "model"))
