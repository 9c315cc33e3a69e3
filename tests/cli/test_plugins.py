"""``tlsearch plugins``: list, show, check and new, as a user types them."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tlsearch.cli.main import cli, main
from tlsearch.plugins import registry
from tlsearch.testing.kit import installed_backends

InstallPlugin = Callable[..., None]

GOOD = """
import numpy as np
class Roll:
    "Moves each image sideways."
    api_version = 1
    name = "roll"
    def render(self, images, strength, rng):
        result = images.copy()
        for number, image in enumerate(images if strength else ()):
            result[number] = np.roll(image, int(rng.uniform(-.4, .4) * strength * images.shape[2]), axis=1)
        return result
"""
WEIGHTS = """
class Mine:
    api_version = 1
    name = "efficientnet_lite0@mine"
    trained_on = "my own"
    licence = "free"
    def file(self, folder): ...
"""


def tlsearch(*arguments: object) -> Result:
    """What the command line does with ``arguments``; each command looks anew at what is installed."""
    registry._announced.cache_clear()
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="tlsearch")


def rows() -> dict[str, Any]:
    """What ``plugins list`` says, by name."""
    return {row["name"]: row for row in json.loads(tlsearch("plugins", "list", "--json").stdout)}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_list_loads_nothing_and_tells_what_is_known(install: InstallPlugin, tmp_path: Path) -> None:
    install("other-plugin", GOOD, roll="Roll")
    install("broken-plugin", "raise RuntimeError('no such card')", torn="Torn")
    install("first", GOOD, twice="Roll")
    install("second", GOOD, twice="Roll")
    known = rows()
    assert {"vgg16", "vgg19", "resnet50", "efficientnet_lite0", "standard"} <= set(known)
    assert (known["roll"]["distribution"], known["roll"]["version"]) == ("other-plugin", "2.5")
    assert {known[name]["status"] for name in ("vgg16", "roll", "torn")} == {"not loaded yet"}
    assert "other_plugin" not in sys.modules
    assert known["twice"]["status"] == "broken"  # that much metadata tell
    assert "first 2.5" in known["twice"]["reason"]

    assert tlsearch("plugins", "show", "roll").exit_code == 0
    assert tlsearch("plugins", "show", "torn").exit_code == 0
    known = rows()
    assert known["roll"]["status"] == "loads"
    assert (known["torn"]["status"], known["torn"]["reason"]) == (
        "broken",
        "loading it raised RuntimeError: no such card (broken_plugin.py:1, in <module>)",
    )
    lines = tlsearch("plugins", "list").stdout.splitlines()
    assert any(line.split()[:2] == ["augmentation", "torn"] and "broken: loading it raised" in line for line in lines)

    # When the other package goes, so does the fault of the name.
    assert tlsearch("plugins", "show", "twice").exit_code == 0
    for name in ("METADATA", "entry_points.txt"):
        (tmp_path / "site" / "second-2.5.dist-info" / name).unlink()
    assert rows()["twice"]["status"] == "not loaded yet"

    # An edited file, or another version, is not what was loaded.
    file = tmp_path / "site" / "broken_plugin.py"
    file.write_text(GOOD)
    assert rows()["torn"]["status"] == "not loaded yet"


def test_list_takes_little_more_than_python_and_click() -> None:
    """Seconds of the processor, as a ratio: they are the same on a slow machine and on a busy one."""

    def seconds(*arguments: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    listed = min(seconds("-m", "tlsearch", "plugins", "list") for _ in range(3))
    bare = min(seconds("-c", "import click, json, importlib.metadata") for _ in range(3))
    assert listed < 6 * bare


def test_a_file_of_states_that_is_no_such_thing_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    for text in ("", "[]", "{", '{"augmentation flip tlsearch": 3}'):
        (tmp_path / "cache" / "plugins.json").write_text(text)
        assert rows()["flip"]["status"] == "not loaded yet"


def test_show_tells_all_about_a_backbone() -> None:
    text = tlsearch("plugins", "show", "efficientnet_lite0").stdout
    assert "ImageNet-1k" in text
    found = json.loads(tlsearch("plugins", "show", "efficientnet_lite0", "--json").stdout)
    assert (found["kind"], found["status"], found["api_version"]) == ("backbone", "loads", 1)
    assert found["target"] == "tlsearch_plugins.backbones.efficientnet_lite:EfficientNetLite0"
    assert (found["default_image_size"], found["min_image_size"]) == (224, 32)
    assert len(found["cut_points"]) == 18
    assert found["cut_points"][-1]["shape"] == [7, 7, 1280]
    assert found["weights"][0]["file"].endswith("efficientnet_lite0.npz")
    assert found["parameters"] == 3_413_024


def test_show_tells_about_the_other_kinds(install: InstallPlugin) -> None:
    install("other-plugin", GOOD, roll="Roll")
    install("my-weights", WEIGHTS, group="tlsearch.weights", **{"efficientnet_lite0@mine": "Mine"})
    assert "Moves each image sideways." in tlsearch("plugins", "show", "roll").stdout
    found = json.loads(tlsearch("plugins", "show", "efficientnet_lite0@mine", "--json").stdout)
    assert (found["backbone"], found["trained_on"]) == ("efficientnet_lite0", "my own")


def test_show_tells_why_a_backbone_cannot_be_built(install: InstallPlugin) -> None:
    code = (
        "class Net:\n    api_version, name, min_image_size, default_image_size, weights = 1, 'net', 32, 64, {}\n"
        "    def build(self, image_size, weights): raise ValueError('no such layer')\n"
        "    def cut_points(self, model): ...\n    def preprocess(self, images): ...\n"
    )
    install("nets", code, group="tlsearch.backbones", net="Net")
    found = json.loads(tlsearch("plugins", "show", "net", "--json").stdout)
    assert (found["status"], found["reason"]) == (
        "broken",
        "building it raised ValueError: no such layer (nets.py:3, in build)",
    )


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_name_that_is_not_there_is_a_mistake(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["plugins", command, "standart"])
    assert caught.value.code == 2
    assert "did you mean 'standard'" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_check_prints_a_line_a_check_and_fails_where_one_does(install: InstallPlugin) -> None:
    install("other-plugin", GOOD, roll="Roll")
    result = tlsearch("plugins", "check", "roll")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "augmentation roll of other-plugin 2.5, on tensorflow"
    assert [line.split()[0] for line in lines[1:9]] == ["passed"] * 8
    assert lines[-1].startswith(f"{8 * len(installed_backends())} passed, in ")
    assert rows()["roll"]["status"] == "ok"
    assert tlsearch("plugins", "show", "roll").exit_code == 0
    assert rows()["roll"]["status"] == "ok"  # what the check has found stays

    install("bad-plugin", GOOD.replace('"roll"', '"bad"').replace("images.copy()", "images"), bad="Roll")
    result = tlsearch("plugins", "check", "bad")
    assert result.exit_code == 1
    assert "  failed  strength 0 is the identity: the result is the array that was given" in result.stdout
    assert f", {3 * len(installed_backends())} not run, in " in result.stdout.splitlines()[-1]
    assert (rows()["bad"]["status"], rows()["bad"]["reason"]) == (
        "failed",
        "2 checks: strength 0 is the identity, the input is left untouched",
    )


METRIC = """
import time
class Score:
    api_version = 1
    name = "score"
    greater_is_better = True
    uses_class_weights = False
    def score(self, labels, probabilities):
        return {}["missing"]
class Sleepy(Score):
    name = "sleepy"
    def score(self, labels, probabilities):
        time.sleep(600)
"""


def test_check_shows_where_a_plugin_raises_and_the_list_says_what_it_found(install: InstallPlugin) -> None:
    install("scores", METRIC, group="tlsearch.metrics", score="Score")
    result = tlsearch("plugins", "check", "score")
    assert result.exit_code == 1
    text = " ".join(result.stdout.split())
    assert text.count("KeyError: 'missing' (scores.py:9, in score)") == 1
    assert 'scores.py", line 9, in score return {}["missing"]' in text
    assert "not run the score is pure: because 'the score is a finite number' failed" in text
    assert "1 passed, 1 failed, 4 not run, in " in text
    assert rows()["score"]["status"] == "failed"
    assert rows()["score"]["reason"] == "1 check: the score is a finite number"
    assert "failed: 1 check: the score is a finite number" in " ".join(tlsearch("plugins", "list").stdout.split())


def test_check_stops_a_plugin_that_takes_too_long(install: InstallPlugin) -> None:
    install("scores", METRIC, group="tlsearch.metrics", sleepy="Sleepy")
    result = tlsearch("plugins", "check", "sleepy", "--time-limit", "5s")
    assert result.exit_code == 1
    text = " ".join(result.stdout.split())
    assert re.search(
        r"the score is a finite number \(\d+ s\): it took longer than 5 s and was stopped \(scores\.py:13, in score\)",
        text,
    )
    assert 'scores.py", line 13 in score' in text


def test_check_of_a_broken_plugin_says_why(install: InstallPlugin, capsys: pytest.CaptureFixture[str]) -> None:
    install("broken-plugin", "import sys; sys.exit(3)", group="tlsearch.metrics", torn="Torn")
    with pytest.raises(SystemExit) as caught:
        main(["plugins", "check", "torn"])
    assert caught.value.code == 2
    out, said = capsys.readouterr()
    assert 'broken_plugin.py", line 1, in <module>' in out
    assert said == (
        "error: The metric 'torn' of broken-plugin 2.5 cannot be used: loading it raised SystemExit: 3 "
        "(broken_plugin.py:1, in <module>).\n"
    )
    assert rows()["torn"]["status"] == "broken"


def test_new_says_what_to_do_next() -> None:
    result = tlsearch("plugins", "new", "augmentation", "my_noise", "--dir", "made")
    assert result.exit_code == 0, result.output
    assert "pip install -e './made/tlsearch-my-noise[dev]'" in result.stdout
    assert Path("made/tlsearch-my-noise/tlsearch_my_noise/__init__.py").is_file()


@pytest.mark.parametrize("name", ["My-Net", "9net", "class", "net work", "../net", "", "net_"])
def test_new_refuses_what_is_no_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["plugins", "new", "backbone", name])
    assert caught.value.code == 2
    assert "small letters" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "name"),
    [("backbone", "vgg16"), ("backbone", "small_cnn"), ("augmentation", "none"), ("backbone", "plugins")],
)
def test_new_refuses_what_is_taken(kind: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["plugins", "new", kind, name])
    assert caught.value.code == 2
    assert "choose another" in capsys.readouterr().err


def test_new_overwrites_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tlsearch-net").mkdir()
    with pytest.raises(SystemExit) as caught:
        main(["plugins", "new", "backbone", "net"])
    assert caught.value.code == 2
    assert "tlsearch-net is there already" in capsys.readouterr().err


def test_the_environment_switches_plugins_off(
    install: InstallPlugin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("other-plugin", GOOD, roll="Roll")
    assert "roll" in rows()
    monkeypatch.setenv("TLSEARCH_DISABLE_PLUGINS", "other-plugin")
    assert "roll" not in rows()
    assert "flip" in rows()
    with pytest.raises(SystemExit):
        main(["plugins", "show", "roll"])
    assert "of other-plugin 2.5 is switched off" in capsys.readouterr().err
    monkeypatch.delenv("TLSEARCH_DISABLE_PLUGINS")
    monkeypatch.setenv("TLSEARCH_ONLY_BUILTIN", "1")
    assert {row["distribution"] for row in rows().values()} == {"tlsearch"}
