"""The model card: its block of YAML, its figures, its limits and licences, and whose page it leaves alone."""

from __future__ import annotations

import importlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.helpers.models.trained import trained_record
from tests.helpers.runs.exported_run import write_run
from tlsearch.cli.main import cli
from tlsearch.data.findings import Finding
from tlsearch.errors import UsageError
from tlsearch.export.card import MARK, card_of, write_card
from tlsearch.plugins.trained import store
from tlsearch.report.numbers import format_interval, format_score
from tlsearch.reporter import SilentReporter
from tlsearch.results.result import read_result, write_result

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("card"))


def head_of(card: str) -> Any:
    before, head, _ = card.split("---\n", 2)
    assert not before
    return importlib.import_module("yaml").safe_load(head)  # MLflow brings it; it has no types


def test_the_hub_reads_its_head(model_dir: Path) -> None:
    head, result = head_of(card_of(model_dir)), read_result(model_dir.parent)
    assert (head["library_name"], head["pipeline_tag"]) == ("keras", "image-classification")
    assert {"image-classification", "tlsearch", result.winner.backbone} <= set(head["tags"])
    (entry,) = head["model-index"]
    (found,) = entry["results"]
    assert found["dataset"]["name"] == "images"
    figures = {metric["type"]: metric["value"] for metric in found["metrics"]}
    assert figures[result.metrics.name] == pytest.approx(result.metrics.test, abs=1e-4)


def test_it_has_figures_with_intervals_beside_probe_and_baseline(model_dir: Path) -> None:
    card, result = card_of(model_dir).replace("\N{NO-BREAK SPACE}", " "), read_result(model_dir.parent)
    assert result.linear_probe is not None
    assert result.baseline is not None
    for found in (result.metrics, result.linear_probe, result.baseline):
        assert f"{format_score(found.test)} {format_interval(found.test_ci95)}" in card
    assert f"{result.dataset.total('test')} for testing" in card


@pytest.mark.parametrize(
    "option", ["--format=onnx", "--precision=int8", "--to=x", "--images=x", "--accept-loss", "--unlike", "--log"]
)
def test_the_card_alone_is_printed(model_dir: Path, option: str) -> None:
    refused = CliRunner().invoke(cli, ["export", str(model_dir), "--card", option])
    assert (refused.exit_code, refused.stdout) == (2, "")
    named = option.partition("=")[0]
    assert f"--card prints the model card and writes no file: leave {named} out, or leave --card out." in refused.stderr


def test_a_name_with_line_breaks_and_bars_is_one_cell(model_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(model_dir.parent, tmp_path / "run")
    result = read_result(model_dir.parent)
    first, odd = result.dataset.classes[0], "day|light\nor shade"
    counts = {
        part: {odd if name == first else name: n for name, n in of.items()}
        for part, of in result.dataset.counts.items()
    }
    dataset = replace(result.dataset, classes=(odd, *result.dataset.classes[1:]), counts=counts)
    write_result(replace(result, dataset=dataset), tmp_path / "run")
    card = card_of(tmp_path / "run" / "model")
    assert f"classes apart: day\\|light or shade, {result.dataset.classes[1]}" in card
    row = next(line for line in card.splitlines() if line.startswith("| day"))
    assert row.startswith("| day\\|light or shade | ")
    assert row.count(" | ") == 3


def test_names_mean_nothing_in_markdown_and_findings_stay_in_one_line(model_dir: Path, tmp_path: Path) -> None:
    result = read_result(model_dir.parent)
    names = ("<b>day", "*night*", "c_")
    finding = Finding(kind="few", severity="info", message="2 classes are small: <b>day (3), a\nb (2)")
    counts = {part: dict.fromkeys(names, 5) for part in result.dataset.counts}
    dataset = replace(result.dataset, classes=names, counts=counts, findings=(finding,))
    write_result(replace(result, dataset=dataset), tmp_path / "run")
    lines = card_of(tmp_path / "run" / "model").splitlines()
    assert "It tells 3 classes apart: \\<b\\>day, \\*night\\*, c\\_." in lines
    assert "| \\*night\\* | 5 | 5 | 5 |" in lines
    assert "- 2 classes are small: \\<b\\>day (3), a b (2)." in lines


@pytest.mark.parametrize(("opened", "said"), [(1, "and tested once."), (2, "and tested.")])
def test_once_is_said_of_a_test_set_that_was_opened_once(
    model_dir: Path, tmp_path: Path, opened: int, said: str
) -> None:
    result = read_result(model_dir.parent)
    assert result.baseline is not None
    metrics = replace(result.metrics, test_opened=opened)
    alone = replace(result.baseline, epochs=1)
    made = replace(result, metrics=metrics, baseline=alone, from_scratch=(alone,))
    write_result(replace(made, plan=replace(result.plan, folds=1)), tmp_path / "run")
    assert f"accuracy on images that no trial was trained on, {said}" in card_of(tmp_path / "run" / "model")
    assert f"trained from random values in 1 epoch, {said}" in card_of(tmp_path / "run" / "baseline")
    write_result(replace(made, plan=replace(result.plan, folds=5)), tmp_path / "run")
    of_folds = "on folds of the training images, each by a model that had not been trained on it"
    assert f"accuracy {of_folds}, {said}" in card_of(tmp_path / "run" / "model")


def test_it_says_licences_and_limits(model_dir: Path) -> None:
    card = card_of(model_dir)
    assert "efficientnet_lite0@imagenet): Apache" in card
    assert "ask whoever made the images" in card
    (model_dir.parents[1] / "images" / "LICENSE.txt").write_text("CC0")
    assert "see LICENSE.txt beside the images" in card_of(model_dir)
    assert "It knows no other classes" in card


def test_the_command_prints_it_alone(model_dir: Path) -> None:
    done = CliRunner().invoke(cli, ["export", str(model_dir), "--card"])
    assert done.exit_code == 0
    assert done.output == card_of(model_dir)
    assert not (model_dir.parent / "exported").exists()


def test_the_page_of_somebody_else_stays(model_dir: Path, tmp_path: Path) -> None:
    warned: list[str] = []

    class Listening(SilentReporter):
        def warn(self, text: str) -> None:
            warned.append(text)

    page = tmp_path / "README.md"
    page.write_text("# Mine\n")
    assert write_card(model_dir, tmp_path, Listening()) is None
    assert page.read_text() == "# Mine\n"
    assert "stays as it is" in warned[0]
    page.write_text(f"old\n{MARK}\n")
    assert write_card(model_dir, tmp_path, Listening()) == page
    assert page.read_text() == card_of(model_dir)


def test_a_network_from_scratch_has_its_own(model_dir: Path) -> None:
    result = read_result(model_dir.parent)
    alone = result.baseline
    assert alone is not None
    card = card_of(model_dir.parent / "baseline")
    head = head_of(card)
    assert alone.architecture in head["tags"]
    assert "transfer-learning" not in head["tags"]
    ((entry,),) = [each["results"] for each in head["model-index"]]
    assert {metric["type"]: metric["value"] for metric in entry["metrics"]} == {
        result.metrics.name: pytest.approx(alone.test, abs=1e-4)
    }
    assert f"{alone.architecture} from scratch.\n" in card
    assert "trained from random values" in card
    assert "Apache" not in card


def test_only_the_models_of_a_run_have_one(model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in no output folder of a run"):
        card_of(tmp_path / "model")
    with pytest.raises(UsageError, match=r"holds another model: name .*model"):
        card_of(model_dir.parent / "refit")


def card_with_weights(model_dir: Path, folder: Path, weights: str, trained_on: str) -> str:
    """The card of a run whose winner has these weights, of which the plan says what they were trained on."""
    shutil.copytree(model_dir.parent, folder)
    result = read_result(model_dir.parent)
    winner = replace(result.winner, backbone="efficientnet_lite0", weights=weights)
    planned = replace(result.plan.candidates[0], backbone="efficientnet_lite0", weights=weights, trained_on=trained_on)
    plan = replace(result.plan, candidates=(planned,))
    write_result(replace(result, winner=winner, plan=plan), folder)
    return card_of(folder / "model")


def test_trained_weights_have_the_licence_of_their_provenance(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "trained.weights.h5"
    file.write_bytes(b"weights")
    record = trained_record(file, backbone="efficientnet_lite0")
    store.install(record, file)
    card = card_with_weights(model_dir, tmp_path / "there", record.name, record.trained_on)
    assert f"(efficientnet_lite0@stripes): CC0; trained on {record.trained_on}." in card
    store.remove(record.label)
    card = card_with_weights(model_dir, tmp_path / "gone", record.name, record.trained_on)
    assert "(efficientnet_lite0@stripes): tlsearch does not know it." in card


@pytest.mark.parametrize(
    ("trained_on", "said"), [("ImageNet-1k", "Apache-2.0 (The TensorFlow Authors)"), ("", "tlsearch does not know it")]
)
def test_a_users_own_file_has_no_licence_of_the_plugin_whatever_its_name(
    model_dir: Path, tmp_path: Path, trained_on: str, said: str
) -> None:
    card = card_with_weights(model_dir, tmp_path / "run", "imagenet", trained_on)
    assert f"(efficientnet_lite0@imagenet): {said}" in card
