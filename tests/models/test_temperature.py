"""A temperature keeps the order, and config.json says it in a way that older and newer versions read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tlsearch.models.temperature import Temperature, divide_by_temperature


def test_it_keeps_the_order_and_the_sum() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    for temperature in (0.3, 3.0):
        said = divide_by_temperature(p, temperature)
        np.testing.assert_array_equal(np.argsort(said, axis=1), np.argsort(p, axis=1))
        np.testing.assert_allclose(said.sum(axis=1), 1)
    np.testing.assert_allclose(divide_by_temperature(p, 1.0), p)


def test_it_is_the_softmax_of_logits_that_are_divided() -> None:
    logits = np.array([[20.0, 0.0, -6.0], [1.0, 2.0, 3.0]])
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wanted = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(divide_by_temperature(p, 2.0), wanted, rtol=1e-6)
    assert np.isfinite(divide_by_temperature(np.array([[1.0, 0.0]], np.float32), 0.25)).all()


def test_the_config_gives_back_what_was_written() -> None:
    temperature = Temperature(value=1.25, fitted_on=300, by_default=True, reason="on 300 images the model is too sure")
    config = {"image_size": 8, **json.loads(json.dumps(temperature.in_config()))}
    assert Temperature.of(config) == temperature


def test_configs_of_other_versions_are_read() -> None:
    assert Temperature.of({"image_size": 8}) is None
    assert Temperature.of({"calibration": None}) is None
    newer = {"temperature": 2, "by_class": [1, 2], "fitted_on": 5}
    assert Temperature.of({"calibration": newer}) == Temperature(value=2.0, fitted_on=5, by_default=False, reason="")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ([1.2], "calibration is no object"),
        ({}, "the temperature is None"),
        ({"temperature": 0}, "the temperature is 0 and not a number above 0"),
        ({"temperature": float("nan")}, "is nan"),
        ({"temperature": True}, "is True"),
        ({"temperature": 1.5, "by_default": "yes"}, "by_default not true or false"),
    ],
)
def test_what_is_no_temperature_is_named(entry: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Temperature.of({"calibration": entry})
