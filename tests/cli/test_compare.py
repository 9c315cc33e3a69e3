"""``tlsearch compare`` from its command line: what it shows, what it claims, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tlsearch.cli.main import cli
from tlsearch.config import RunConfig
from tlsearch.results.result import RunResult, write_result
from tlsearch.results.schema import Difference, EvaluationPredictions
from tlsearch.stats.claims import compare as compare_labels

TRUE = np.repeat(np.arange(4), 93)
GROUPS = tuple(range(372))

Write = Callable[..., Path]


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)])


def erring_on(wrong: int, start: int = 0) -> tuple[int, ...]:
    """Predictions of a model that errs on ``wrong`` images from number ``start`` on."""
    predicted = TRUE.copy()
    predicted[start : start + wrong] = (predicted[start : start + wrong] + 1) % 4
    return tuple(predicted.tolist())


def predictions(
    predicted: tuple[int, ...], fingerprint: str = "test images", groups: tuple[int, ...] = GROUPS
) -> EvaluationPredictions:
    return EvaluationPredictions(fingerprint=fingerprint, true=tuple(TRUE.tolist()), predicted=predicted, groups=groups)


@pytest.fixture
def write(tmp_path: Path, sample: RunResult, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the output folder of a run: its name, what it differs in from the sample, and what it was asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def make(name: str, options: dict[str, Any] | None = None, **changes: Any) -> Path:
        write_result(replace(sample, **{"predictions": None, **changes}), tmp_path / name)
        if options is not None:
            RunConfig(dataset=Path(sample.dataset.path), **options).to_toml(tmp_path / name / "run.toml")
        return Path(name)

    return make


def lines_of(text: str, title: str) -> list[str]:
    """The line that begins with ``title``, and those below it in which the title is over."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(title))
    return [line[20:].strip() for line in lines[start : start + 3]]


def test_winners_stand_side_by_side(write: Write, sample: RunResult) -> None:
    other = replace(sample.winner, backbone="vgg16", freeze_depth=13, spec=sample.trials[1].spec, strength=0.0)
    write("one", metrics=replace(sample.metrics, test=0.9))
    write("two", winner=other, metrics=replace(sample.metrics, test=0.873, test_opened=3), linear_probe=None)
    result = compare("one", "two")
    assert result.exit_code == 0, result.output
    rows = {line.split("  ")[0]: line.split() for line in result.stdout.splitlines() if line and line[0] != " "}
    assert rows["backbone"][1:] == ["efficientnet_lite0", "vgg16"]
    assert " ".join(rows["frozen"][1:]) == "6 of 18 blocks 13 of 13 blocks and block 10 joined"
    assert rows["augmentation"][1:] == ["standard", "0.50", "none"]
    assert rows["tested"][1:] == ["0.900", "0.873"]
    assert rows["linear probe on test"][4:] == ["0.860", "none"]
    assert rows["looks at test images"][4:] == ["1", "3"]
    assert rows["dropout"][1:] == ["0.3", "0"]  # what differs is shown
    assert "batch size" not in rows  # and what does not, is not
    assert "[+0.249 +0.353]" in result.stdout
    assert "372 test images, scored by accuracy" in result.stdout


def test_the_difference_is_that_of_the_predictions(write: Write) -> None:
    """30 images are wrong in the first run only, 10 in the second only, 10 in both."""
    write("one", predictions=predictions(erring_on(40)))
    write("two", predictions=predictions(erring_on(20, start=30)))
    result = compare("one", "two", "--json", "found.json")
    assert result.exit_code == 0, result.output
    (none, over) = [run["over_first"] for run in json.loads(Path("found.json").read_text())["runs"]]
    expected = compare_labels(TRUE, erring_on(20, start=30), erring_on(40))
    assert none is None
    assert over["difference"] == pytest.approx(20 / 372)
    assert over["discordant"] == [30, 10]
    assert over["mcnemar_midp"] == pytest.approx(expected.mcnemar_midp)
    assert over["mcnemar_midp"] == pytest.approx(0.0014, abs=0.0003)
    assert over["ci95"] == pytest.approx(expected.ci95)
    figures, bounds, p = lines_of(result.stdout, "less the first run")
    assert figures.split() == ["the", "first", "run", "+0.054"]
    assert bounds.endswith(f"[+0.0{expected.ci95[0] * 1000:.0f} +0.0{expected.ci95[1] * 1000:.0f}]")
    assert p == "p = 0.001"
    assert "Each difference is to one, image by image on the same 372 test images." in result.stdout
    assert "chosen on test" in result.stdout
    assert "overlap" not in result.stdout


def test_images_that_belong_together_in_either_run_are_exchanged_together(write: Write) -> None:
    pairs = tuple(number // 2 for number in GROUPS)
    shifted = tuple((number + 1) // 2 for number in range(100)) + tuple(range(100, 372))
    joined = [0 if number < 100 else number // 2 for number in GROUPS]
    write("one", predictions=predictions(erring_on(40), groups=pairs))
    write("two", predictions=predictions(erring_on(20, start=90), groups=shifted))
    over = json.loads(compare("one", "two", "--json", "-").stdout)["runs"][1]["over_first"]
    expected = compare_labels(TRUE, erring_on(20, start=90), erring_on(40), groups=joined)
    assert (
        expected.permutation_p
        != compare_labels(TRUE, erring_on(20, start=90), erring_on(40), groups=pairs).permutation_p
    )
    assert over["permutation_p"] == expected.permutation_p
    assert over["ci95"] == pytest.approx(expected.ci95)


def test_too_few_images_that_differ_have_no_p(write: Write) -> None:
    write("one", predictions=predictions(erring_on(4)))
    write("two", predictions=predictions(erring_on(6)))
    found = json.loads(compare("one", "two", "--json", "-").stdout)
    assert found["runs"][1]["over_first"]["mcnemar_midp"] is None
    assert "no p: fewer than 6 differ" in " ".join(compare("one", "two").stdout.split())


def test_several_comparisons_ask_for_a_smaller_p(write: Write) -> None:
    for number, name in enumerate(("one", "two", "three")):
        write(name, predictions=predictions(erring_on(20 + 10 * number)))
    assert "of 2 such p look for one below 0.025" in compare("one", "two", "three").stdout


def test_runs_that_do_not_know_their_predictions_claim_no_difference(write: Write) -> None:
    write("old")
    write("new", predictions=predictions(erring_on(20)))
    result = compare("old", "new")
    assert result.exit_code == 0
    assert "less the first run" not in result.stdout
    assert "old has no record of which test images were right, nor which images were tested" in result.stdout
    assert "whether intervals of separate runs overlap is no test" in result.stdout
    assert json.loads(compare("old", "new", "--json", "-").stdout)["same_test"] is False


def test_options_and_versions_are_shown_where_they_differ(write: Write, sample: RunResult) -> None:
    write("one", {"trials": 20, "augment": ("none", "geometric"), "early_stop": False, "max_latency": 0.02})
    write(
        "two",
        {"time_limit": 90.0, "resize": "pad", "drop_small_classes": True, "cache_limit": 0},
        versions={**sample.versions, "keras": "3.16.0"},
    )
    text = compare("one", "two").stdout
    differing = text[text.index("options that differ") : text.index("versions that differ")]
    rows = [re.split(r" {2,}", line.strip()) for line in differing.splitlines()[1:] if line.strip(" ─")]
    assert rows == [
        ["augment", "none, geometric", "default"],
        ["trials", "20", "40"],
        ["time-limit", "none", "1m30s"],
        ["resize", "default", "pad"],
        ["drop-small-classes", "no", "yes"],
        ["early-stop", "no", "default"],
        ["max-latency", "20ms", "default"],
    ]
    assert re.search(r"^keras +3\.15\.1 +3\.16\.0 *$", text, re.MULTILINE)
    assert text.count("tensorflow 2.21.0") == 1
    assert "same options: seed 0, batch-size 32, baseline auto\n" in text
    assert len(re.findall("batch-size", text)) == 1


def test_a_folder_without_its_configuration_still_knows_its_seed(write: Write, sample: RunResult) -> None:
    write("one")
    write("two", plan=replace(sample.plan, seed=7))
    assert re.search(r"^seed +0 +7 *$", compare("one", "two").stdout, re.MULTILINE)


def test_nothing_is_cut_in_a_narrow_terminal(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"runs/clothing-20261122-10{number:02}" for number in range(5)]
    for number, name in enumerate(names):
        write(name, predictions=predictions(erring_on(20 + 9 * number)))
    wide = compare(*names)
    monkeypatch.setenv("COLUMNS", "80")
    narrow = compare(*names)
    assert narrow.exit_code == 0, narrow.output
    table = narrow.stdout[narrow.stdout.index("backbone") - 300 :]
    assert "…" not in table
    assert max(len(line) for line in table[: table.index("Each difference")].splitlines()[1:]) <= 80
    # The first run is on every page, each of the others on one.
    pages = narrow.stdout.split("\nwinner")[1:]
    assert len(pages) == 2
    assert [len(re.findall("efficientnet_lite0", page.split("weights")[0])) for page in pages] == [3, 3]
    for word in ("efficientnet_lite0", "[+0.249 +0.353]", "imagenet", "p < 0.001"):
        assert narrow.stdout.count(word) > wide.stdout.count(word) > 0
    # Of the differences to the first run, and of each run over its probe, that of the first run on each page.
    assert narrow.stdout.count("p = ") == wide.stdout.count("p = ") + 1


# --- refusals


def refused(*arguments: object) -> str:
    result = compare(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_other_data_is_refused(write: Write, sample: RunResult) -> None:
    write("one")
    write("two", dataset=replace(sample.dataset, fingerprint="0f0f0f0f0f0f0f0f"))
    write("three", dataset=replace(sample.dataset, fingerprint="0f0f0f0f0f0f0f0f", path="/data/other"))
    said = refused("one", "two")
    assert "one and two cannot be compared: /data/clothing has changed in between" in said
    assert "9b1c5f0d2a7e and 0f0f0f0f0f0f" in said
    assert "their images or labels differ" in refused("one", "three")


def test_another_metric_is_refused(write: Write, sample: RunResult) -> None:
    write("one")
    write("two", metrics=replace(sample.metrics, name="balanced_accuracy"))
    said = refused("one", "two")
    assert "one and two cannot be compared: one is scored by accuracy, the other by balanced accuracy" in said


def test_other_test_images_are_refused(write: Write, sample: RunResult) -> None:
    write("one", predictions=predictions(erring_on(20)))
    write("two", predictions=predictions(erring_on(20), "others"), plan=replace(sample.plan, seed=1))
    assert "tested on different images of the same data (seeds 0 and 1)" in refused("one", "two")
    counts = {**sample.dataset.counts, "test": dict.fromkeys(sample.dataset.classes, 90)}
    write("small", dataset=replace(sample.dataset, counts=counts))
    write("old")
    assert "old and small cannot be compared: they were tested on different images" in refused("old", "small")
    assert "one and two cannot be compared" in refused("old", "one", "two")  # though the first does not know


def test_one_run_is_not_compared_with_itself(write: Write, tmp_path: Path) -> None:
    write("one")
    assert "name another output folder beside one" in refused("one")
    assert "one is named twice" in refused("one", "one")
    assert f"one and {tmp_path / 'one'} are one" in refused("one", tmp_path / "one")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "bad has no result.json: name the output folder of a finished run"),
        ("{", "bad/result.json is not readable JSON"),
        ('{"schema_version": 4}', "schema version 4 and this tlsearch reads versions 1, 2 and 3"),
        ('{"schema_version": 1}', "bad/result.json is damaged"),
    ],
)
def test_a_folder_without_a_result_is_a_sentence(write: Write, text: str | None, message: str) -> None:
    write("one")
    Path("bad").mkdir()
    if text is not None:
        Path("bad/result.json").write_text(text)
    assert message in refused("one", "bad")
    assert message in refused("bad", "one")


@pytest.mark.parametrize(
    "broken", [predictions(()), replace(predictions(erring_on(3)), true=(0, 1), predicted=(0, 1), groups=(0, 1))]
)
def test_predictions_that_do_not_fit_are_damage(write: Write, broken: EvaluationPredictions) -> None:
    write("one", predictions=predictions(erring_on(20)))
    write("two", predictions=broken)
    assert "two/result.json is damaged (its predictions are not those of its test images)" in refused("one", "two")


def test_no_arguments_is_a_usage_error() -> None:
    result = compare()
    assert result.exit_code == 2
    assert result.stderr.startswith("error: OUTPUT_DIR is missing: write `")


def test_the_json_has_what_is_shown(write: Write, sample: RunResult) -> None:
    write("a/out", {"trials": 20}, predictions=predictions(erring_on(20)))
    write("b/out", {"trials": 30}, predictions=predictions(erring_on(30)))
    found = json.loads(compare("a/out", "b/out", "--json", "-").stdout)
    assert found["dataset"] == {"path": "/data/clothing", "fingerprint": "9b1c5f0d2a7e4c33"}
    assert [run["name"] for run in found["runs"]] == ["a/out", "b/out"]
    assert [run["folder"] for run in found["runs"]] == ["a/out", "b/out"]
    assert [run["options"]["trials"] for run in found["runs"]] == ["20", "30"]
    assert found["runs"][0]["trials"] == {"complete": 2, "pruned": 1, "failed": 1}
    assert found["runs"][0]["metrics"]["test"] == sample.metrics.test
    assert found["runs"][0]["gain"]["ci95"] == [0.249, 0.353]
    assert Difference(**{**found["runs"][1]["over_first"], "discordant": (0, 10)}).difference == pytest.approx(
        -10 / 372
    )
    assert found["same_test"] is True
