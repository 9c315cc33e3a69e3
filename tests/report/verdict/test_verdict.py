"""What a run comes to: which model, what was gained, and what to do next."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from tests.helpers.results.sample_result import SAMPLE
from tests.helpers.results.scratch_results import with_scratch
from tlsearch.cli.summary import print_summary
from tlsearch.report.markdown import describe
from tlsearch.report.model_table import model_rows
from tlsearch.report.sections.summary import summary
from tlsearch.report.verdict import answers, verdict_of
from tlsearch.results.schema import Confusion, Gain, Insights, LeftOut


def test_the_winner_is_the_model_to_use_where_pretraining_helped() -> None:
    verdict = verdict_of(SAMPLE)
    assert (verdict.model, verdict.pretraining, verdict.search) == ("model", "yes", "yes")
    assert verdict.use == (
        "Use the winner: EfficientNet-Lite0 (ImageNet-1k), first 6 of 18 blocks frozen, linear head, standard "
        "augmentation 0.50."
    )
    assert verdict.use_evidence == "Its accuracy on 372 test images is 90.3 % (95 % interval 86.9 to 92.9 %)."
    assert verdict.command == f"tlsearch predict {SAMPLE.output.folder}/model new-photo.jpg"


def test_the_answers_are_tags() -> None:
    assert answers(SAMPLE) == {"model_to_use": "model", "pretraining_helped": "yes", "search_paid": "yes"}
    assert answers(replace(SAMPLE, baseline=None, gain=None, linear_probe=None)) == {"model_to_use": "model"}


def test_every_model_says_what_it_costs() -> None:
    result = with_scratch(0.1, 0.2, megabytes=2.9, ms_per_image=2.0, parameters=712_345)
    costs = {row.name: row.cost for row in model_rows(result)}
    assert costs["from scratch"] == "2.9 MB, 2.0 ms an image, 0.7 million parameters"
    assert costs["winner"].startswith("14.3 MB, 6.0 ms an image")
    assert costs["linear probe"] == ""
    assert "| 2.9 MB, 2.0 ms an image, 0.7 million parameters |" in describe(result)
    assert "| not known |" in describe(result)


def test_a_small_network_from_scratch_that_is_as_good_is_offered() -> None:
    verdict = verdict_of(with_scratch(-0.012, 0.018, megabytes=2.9, ms_per_image=2.0, test=0.984))
    assert (verdict.model, verdict.pretraining) == ("baseline", "no")
    assert verdict.pretraining_said == "Pre-training brings nothing here."
    assert verdict.use == "Use the network from scratch: small_cnn."
    assert verdict.use_evidence.startswith("Its accuracy on 372 test images is 98.4 % (95 % interval ")
    assert verdict.use_evidence.endswith(
        ". It has 2.9 MB and takes 2.0 ms an image; the best model that reuses a network has 14.3 MB and takes 6.0 ms "
        "an image, and scores 90.3 %."
    )
    assert verdict.command == f"tlsearch predict {SAMPLE.output.folder}/baseline new-photo.jpg"


def test_every_place_names_the_model_that_the_verdict_names() -> None:
    """The head of the report, the lines below the table in a terminal, Python, and the description in MLflow."""
    found = with_scratch(-0.012, 0.018, megabytes=2.9, ms_per_image=2.0, test=0.984, test_ci95=(0.96, 0.99))
    result = replace(found, verdict=verdict_of(found))
    console = Console(record=True, width=200, file=io.StringIO())
    print_summary(console, result)
    printed = console.export_text().splitlines()
    assert "Use the network from scratch: small_cnn." in printed
    assert any(line.startswith("validation score of the best reused network, corrected ") for line in printed)
    assert f"  tlsearch predict {SAMPLE.output.folder}/baseline new-photo.jpg" in printed
    (place,) = [line for line in printed if line.startswith("model  ")]
    assert place.split() == ["model", f"{SAMPLE.output.folder}/baseline"]
    assert repr(result).startswith("<RunResult small_cnn from scratch, test accuracy 0.984 [0.960, 0.990], model in ")
    assert repr(result).endswith("/baseline>")
    assert "small_cnn from scratch" in result._repr_html_()
    assert describe(result).startswith("**small_cnn from scratch**: accuracy 0.984 [0.960 0.990] on test. It is the")
    shown = summary(result).shown
    assert shown["to_use"] == {"test": 0.984, "test_ci95": (0.96, 0.99)}
    assert shown["verdict"].answers[0].said == "Use the network from scratch: small_cnn."
    assert [name for name, _, _ in shown["facts"]][:2] == ["winner, frozen", "winner, speed"]
    assert summary(SAMPLE).shown["to_use"]["test"] == SAMPLE.metrics.test
    assert [model_rows(each)[0].name for each in (SAMPLE, result)] == ["winner", "from scratch"]
    assert [row.name for row in model_rows(result)][1] == "best reused network"
    used = [[row.name for row in model_rows(each) if row.to_use] for each in (SAMPLE, result)]
    assert used == [["winner"], ["from scratch"]]
    assert found.gain is not None
    probe = replace(found, gain=replace(found.gain, over_linear_probe=None))
    assert verdict_of(probe).search_evidence.endswith("and the best model that reuses a network.")


def test_what_the_search_brought_is_said_of_the_models_that_it_was_about() -> None:
    used = verdict_of(with_scratch(0.2, 0.3))
    other = verdict_of(with_scratch(-0.012, 0.018, megabytes=2.9, ms_per_image=2.0, test=0.984))
    assert (used.model, used.search, other.model, other.search) == ("model", "yes", "baseline", "no")
    assert used.search_said == "The search paid."
    assert used.search_evidence.startswith(
        "Over the plain linear probe (a linear classifier on the frozen network) the winner gains +"
    )
    assert other.search_said == (
        "The search did not pay: it improved only models that reuse a network, and the model to use does not."
    )
    assert other.search_evidence.startswith(
        "Over the plain linear probe (a linear classifier on the frozen network) the best of them gains +"
    )
    assert "only the winner has right" in used.search_evidence
    assert "only the best of them has right" in other.search_evidence


def test_a_network_from_scratch_that_is_as_good_and_as_large_is_not_offered() -> None:
    verdict = verdict_of(with_scratch(-0.012, 0.018, megabytes=14.0))
    assert (verdict.model, verdict.pretraining) == ("model", "no")


def test_a_network_from_scratch_that_is_better_is_offered_whatever_its_size() -> None:
    verdict = verdict_of(with_scratch(-0.09, -0.02, megabytes=500.0))
    assert (verdict.model, verdict.pretraining) == ("baseline", "no")
    assert verdict.pretraining_said == "Pre-training did harm here."


def test_a_score_that_is_not_plain_accuracy_is_explained_and_counts_of_images_stay_away() -> None:
    metrics = replace(SAMPLE.metrics, name="balanced_accuracy", counts="balanced_accuracy", test_accuracy=0.92)
    metrics = replace(metrics, meaning="the mean over the classes of the share of their images that is right")
    verdict = verdict_of(replace(SAMPLE, metrics=metrics))
    assert verdict.use_evidence == (
        "Its balanced accuracy (the mean over the classes of the share of their images that is right) on 372 test "
        "images is 90.3 % (95 % interval 86.9 to 92.9 %); of all of them, 92.0 % are right."
    )
    assert "images only" not in verdict.pretraining_evidence + verdict.search_evidence
    assert "122 images only the pre-trained one has right" in verdict_of(SAMPLE).pretraining_evidence


def test_a_linear_probe_that_ships_is_said_to_be_one() -> None:
    assert SAMPLE.gain is not None
    verdict = verdict_of(replace(SAMPLE, gain=replace(SAMPLE.gain, over_linear_probe=None)))
    assert verdict.search == "no"
    assert verdict.search_said == "The search found nothing better than a plain linear probe."
    assert verdict.search_evidence == "That is a linear classifier on the frozen network, and the model to use."


@pytest.mark.parametrize(
    ("low", "high", "p", "answer"),
    [
        (0.01, 0.07, 0.01, "yes"),
        (-0.02, 0.02, 0.8, "no"),
        (-0.02, 0.08, 0.3, "cannot tell"),
        (-0.05, -0.01, 0.01, "no"),
    ],
)
def test_the_search_is_judged_by_what_it_brought_over_the_probe(low: float, high: float, p: float, answer: str) -> None:
    assert SAMPLE.gain is not None
    assert SAMPLE.gain.over_linear_probe is not None
    over = replace(SAMPLE.gain.over_linear_probe, difference=(low + high) / 2, ci95=(low, high), mcnemar_midp=p)
    assert verdict_of(replace(SAMPLE, gain=Gain(over_linear_probe=over))).search == answer


def test_the_classes_with_the_errors_need_images() -> None:
    names = ("boot", "coat", "hat", "shirt", "tie")
    rows = ((20, 0, 0, 0, 0), (0, 12, 0, 8, 0), (0, 0, 20, 0, 0), (0, 6, 1, 13, 0), (0, 1, 0, 0, 19))
    verdict = verdict_of(replace(SAMPLE, confusion=Confusion(names, rows)))
    (step,) = [step.said for step in verdict.next_steps if "Add images" in step.said]
    assert step.startswith("Add images of coat and shirt: 94 % of the 16 errors on test are theirs")
    assert step.endswith(", and 40 % of the images.")
    # A class with half of the images may have half of the errors.
    large = ((20, 0, 0, 0, 0), (0, 72, 0, 8, 0), (0, 0, 20, 0, 0), (0, 6, 1, 53, 0), (0, 1, 0, 0, 19))
    few = ((20, 0, 0, 0, 0), (0, 18, 0, 2, 0), (0, 0, 20, 0, 0), (0, 1, 0, 19, 0), (0, 0, 0, 0, 20))
    for matrix in (large, few):
        said = verdict_of(replace(SAMPLE, confusion=Confusion(names, matrix))).next_steps
        assert not any("Add images" in step.said for step in said)


def test_more_time_and_absent_networks_are_next_where_they_are_missing() -> None:
    plan = replace(SAMPLE.plan, time_limit=300.0, left_out=(LeftOut("vgg16", "would be downloaded (59 MB)"),))
    late = replace(SAMPLE, plan=plan, trials=(), confusion=None, insights=Insights(), search_ended="time")
    steps = verdict_of(late).next_steps
    assert len(steps) == 2
    assert "no trial that tuned layers of a network came to an end within 5" in steps[0].said
    assert steps[1].command == "tlsearch weights fetch vgg16"
    unlimited = replace(
        SAMPLE, plan=replace(SAMPLE.plan, time_limit=None, left_out=()), confusion=None, insights=Insights()
    )
    assert verdict_of(unlimited).next_steps == ()
