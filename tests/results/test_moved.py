"""A folder that was moved after its run: everything that names it names the folder that was given."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.results.sample_result import SAMPLE
from tests.helpers.results.verdict_texts import verdict_texts
from tlsearch.report.html import write_report
from tlsearch.report.verdict import verdict_of
from tlsearch.results.result import read_result, write_result
from tlsearch.results.schema import NextStep


@pytest.mark.parametrize(
    ("was", "now"),
    [("first", "second"), ("first", "two words"), ("one's own", "second"), ("runs", "runs/inner"), ("a b", "it's b")],
)
def test_the_verdict_and_the_commands_name_the_folder_that_is_read(tmp_path: Path, was: str, now: str) -> None:
    before, after = tmp_path / "old" / was, tmp_path / "new" / now
    run = replace(
        SAMPLE,
        output=replace(SAMPLE.output, folder=str(before)),
        command=shlex.join(["tlsearch", "run", "--config", str(before / "run.toml")]),
    )
    verdict = verdict_of(run)
    explained = f"tlsearch explain {shlex.quote(str(before / 'scratch-vgg16'))} a.jpg"
    steps = (NextStep(said=f"See {before}.", command=explained),)
    write_result(replace(run, verdict=replace(verdict, next_steps=steps)), before)
    after.parent.mkdir(parents=True)
    before.rename(after)
    found = read_result(after)
    assert found.verdict is not None
    assert found.verdict.command == verdict_of(replace(run, output=replace(run.output, folder=str(after)))).command
    assert shlex.split(found.command) == ["tlsearch", "run", "--config", str(after / "run.toml")]
    (step,) = found.verdict.next_steps
    assert step.said == f"See {after}."
    assert shlex.split(str(step.command)) == ["tlsearch", "explain", str(after / "scratch-vgg16"), "a.jpg"]
    assert str(before) not in " ".join(verdict_texts(found))


def test_another_folder_whose_name_begins_alike_stays(tmp_path: Path) -> None:
    before, after = tmp_path / "run", tmp_path / "moved"
    other = NextStep(said=f"Look at {before}-2 and {before}2.")
    verdict = replace(verdict_of(SAMPLE), next_steps=(other,))
    write_result(replace(SAMPLE, output=replace(SAMPLE.output, folder=str(before)), verdict=verdict), before)
    before.rename(after)
    found = read_result(after).verdict
    assert found is not None
    assert found.next_steps == (other,)


def test_a_report_that_is_made_anew_names_the_folder_that_it_was_given(tmp_path: Path) -> None:
    before, after = tmp_path / "old", tmp_path / "new"
    run = replace(SAMPLE, output=replace(SAMPLE.output, folder=str(before)))
    write_result(replace(run, verdict=verdict_of(run)), before)
    before.rename(after)
    page = write_report(read_result(after), after, tmp_path / "data").read_text(encoding="utf-8")
    assert f"{after}/model" in page
    assert str(before) not in page


def test_a_database_that_was_moved_with_the_folder_is_named_where_it_is(tmp_path: Path) -> None:
    before, after = tmp_path / "old home" / "runs" / "a", tmp_path / "new home" / "runs" / "a"
    uri = f"sqlite:///{tmp_path / 'old home' / 'mlflow.db'}"
    assert SAMPLE.mlflow is not None
    record = replace(
        SAMPLE.mlflow, tracking_uri=uri, ui_command=f"mlflow ui --backend-store-uri {shlex.quote(uri)} --port 5001"
    )
    write_result(replace(SAMPLE, output=replace(SAMPLE.output, folder=str(before)), mlflow=record), before)
    (tmp_path / "old home" / "mlflow.db").touch()
    assert read_result(before).mlflow == record
    (tmp_path / "old home").rename(tmp_path / "new home")
    found = read_result(after).mlflow
    assert found is not None
    assert found.tracking_uri == f"sqlite:///{tmp_path / 'new home' / 'mlflow.db'}"
    assert shlex.split(found.ui_command) == [
        "mlflow", "ui", "--backend-store-uri", found.tracking_uri, "--port", "5001",
    ]  # fmt: skip


def test_images_that_were_moved_with_the_folder_are_named_where_they_are(tmp_path: Path) -> None:
    before, after = tmp_path / "old" / "runs" / "a", tmp_path / "new" / "runs" / "a"
    images = tmp_path / "old" / "images"
    images.mkdir(parents=True)
    data = replace(SAMPLE.dataset, path=str(images))
    write_result(replace(SAMPLE, output=replace(SAMPLE.output, folder=str(before)), dataset=data), before)
    (tmp_path / "old").rename(tmp_path / "new")
    assert read_result(after).dataset.path == str(tmp_path / "new" / "images")
    (tmp_path / "new" / "images").rmdir()
    assert read_result(after).dataset.path == str(images)
