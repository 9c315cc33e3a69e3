"""What the training of weights can be asked for, and the file that keeps it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tlsearch.config import RunConfig
from tlsearch.errors import UsageError
from tlsearch.pretrain_config import PretrainConfig


def config(**options: Any) -> PretrainConfig:
    return PretrainConfig(**{"dataset": Path("images"), "backbones": ("vgg16",), "name": "fashion", **options})


def test_what_is_asked_for_comes_back_from_its_file(tmp_path: Path) -> None:
    asked = config(dataset=tmp_path / "images", licence="CC BY 4.0", epochs=3, image_size=48, seed=7)
    asked.to_toml(tmp_path / "pretrain.toml")
    assert PretrainConfig.from_toml(tmp_path / "pretrain.toml") == asked
    assert type(asked.with_output(tmp_path)) is PretrainConfig
    with pytest.raises(UsageError, match="unknown key 'name'"):
        RunConfig.from_toml(tmp_path / "pretrain.toml")


@pytest.mark.parametrize(
    ("options", "scratch", "label"),
    [
        ({}, True, "vgg16@fashion"),
        ({"backbones": ("vgg16@imagenet",)}, False, "vgg16@fashion"),
        ({"weights": ("vgg16=first.h5",), "name": "mine.2"}, False, "vgg16@mine.2"),
    ],
)
def test_what_training_begins_with(options: dict[str, Any], scratch: bool, label: str) -> None:
    assert (config(**options).is_from_scratch, config(**options).label) == (scratch, label)


@pytest.mark.parametrize(
    ("options", "limit"),
    [({}, 1800.0), ({"epochs": 5}, None), ({"epochs": 5, "time_limit": 60}, 60.0), ({"time_limit": math.inf}, None)],
)
def test_epochs_alone_ask_for_no_limit_of_time(options: dict[str, Any], limit: float | None) -> None:
    assert config(**options).effective_time_limit == limit


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": ""}, "--name is '', but it must be letters, digits"),
        ({"name": "../up"}, "--name is '../up', but it must be"),
        ({"backbones": ()}, "What is trained is '', but one network is needed"),
        ({"backbones": ("vgg*",)}, r"What is trained is 'vgg\*', but one network is needed"),
        ({"backbones": ("vgg16", "vgg19")}, "give the name of one backbone"),
        ({"epochs": 0}, "--epochs is 0"),
        ({"licence": "CC0\nor not"}, "one line of text"),
        ({"licence": "x" * 1001}, "at most 1000 letters long"),
    ],
)
def test_what_cannot_be_asked_for_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        config(**options)
