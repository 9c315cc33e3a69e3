"""``tlsearch.run`` and ``tlsearch.plan`` from Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import tlsearch
from tests.helpers.results.sample_result import SAMPLE
from tlsearch.callbacks import Callback
from tlsearch.cli.console import ConsoleReporter
from tlsearch.config import RunConfig
from tlsearch.errors import UsageError
from tlsearch.predictor.sources import pictures_of

Asked = list[tuple[RunConfig, Any, Sequence[Callback]]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What the pipeline was asked for."""
    found: Asked = []

    def take(config: RunConfig, reporter: Any = None, callbacks: Sequence[Callback] = ()) -> Any:
        found.append((config, reporter, callbacks))
        return SAMPLE

    monkeypatch.setattr("tlsearch.pipeline.run.run", take)
    monkeypatch.setattr("tlsearch.pipeline.run.plan", take)
    return found


def test_options_are_given_by_name_as_the_command_line_takes_them(asked: Asked) -> None:
    assert tlsearch.run("images", time_limit="5m", memory="8GB", backbones="vgg16", output="out", seed=3) is SAMPLE
    tlsearch.plan("images", time_limit=300, memory=8_000_000_000, backbones=["vgg16"], output=Path("out"), seed=3)
    wanted = RunConfig(
        dataset=Path("images"), time_limit=300, memory=8_000_000_000, backbones=("vgg16",), output=Path("out"), seed=3
    )
    assert [config for config, *_ in asked] == [wanted, wanted]


def test_what_the_model_may_cost_is_given_as_the_command_line_takes_it(asked: Asked) -> None:
    tlsearch.run("images", max_latency="20ms", max_size="10MB", prefer="small")
    assert asked[0][0] == RunConfig(dataset=Path("images"), max_latency=0.02, max_size=10_000_000, prefer="small")
    with pytest.raises(UsageError, match="--max-latency is '20', but it must have a unit: write 20ms or 20s"):
        tlsearch.run("images", max_latency="20")


def test_a_configuration_is_taken_as_it_is(asked: Asked) -> None:
    config, callback = RunConfig(dataset=Path("images"), trials=2), Callback()
    tlsearch.run(config, callbacks=[callback])
    assert asked[0][0] is config
    assert list(asked[0][2]) == [callback]
    with pytest.raises(UsageError, match=r"Both a RunConfig and options were given \(trials, seed\): put"):
        tlsearch.run(config, trials=3, seed=1)


def test_progress_is_drawn_unless_another_reporter_is_given(asked: Asked) -> None:
    silent = tlsearch.SilentReporter()
    tlsearch.run("images")
    tlsearch.plan("images")
    tlsearch.run("images", silent)
    drawn, planned, quiet = (reporter for _, reporter, _ in asked)
    assert isinstance(drawn, ConsoleReporter)
    assert isinstance(planned, ConsoleReporter)
    assert quiet is silent


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epoch": 3}, "There is no option 'epoch': did you mean 'epochs'?"),
        ({"time_limit": "5"}, "--time-limit is '5', but it must have a unit"),
        ({"memory": "much"}, "--memory is 'much'"),
        ({"trials": "many"}, "--trials is 'many'"),
    ],
)
def test_a_mistake_is_one_sentence(asked: Asked, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        tlsearch.run("images", **options)
    assert str(caught.value).startswith(message)
    assert asked == []


def test_a_tilde_is_the_home_folder_for_models_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "pictures").mkdir()
    asks: list[Callable[[], object]] = [
        lambda: tlsearch.load("~/model"),
        lambda: tlsearch.export_model("~/model", "keras", reporter=tlsearch.SilentReporter()),
        lambda: tlsearch.explain_images("~/model", "~/pictures"),
        lambda: tlsearch.monitor("~/model", "~/pictures", reporter=tlsearch.SilentReporter()),
    ]
    for ask in asks:
        with pytest.raises(UsageError) as caught:
            ask()
        assert str(caught.value).startswith(f"{tmp_path / 'model'} holds no model.keras")
    Image.new("RGB", (8, 8)).save(tmp_path / "pictures" / "one.png")
    assert [picture.content for picture in pictures_of("~/pictures")] == [tmp_path / "pictures" / "one.png"]
