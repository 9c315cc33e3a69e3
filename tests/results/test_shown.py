"""What a result looks like in a shell and in a notebook."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report.verdict import verdict_of


def test_a_shell_shows_one_line() -> None:
    text = repr(SAMPLE)
    assert len(text) < 300
    assert "\n" not in text
    assert SAMPLE.winner.label in text
    assert f"{SAMPLE.metrics.test:.3f}" in text
    assert text.endswith("/model>")


def test_a_notebook_shows_what_won_and_where_it_is() -> None:
    verdict = verdict_of(SAMPLE)
    page = replace(SAMPLE, verdict=verdict)._repr_html_()
    assert f"<b>{SAMPLE.winner.label}</b>" in page
    assert f"{SAMPLE.output.folder}/model</code>" in page
    assert f"{SAMPLE.output.folder}/report.html</code>" in page
    assert escape(verdict.use) in page
    assert escape(f"{verdict.search_said} {verdict.search_evidence}") in page
    assert f"<code>{escape(str(verdict.command))}</code>" in page
    assert all(escape(step.said) in page for step in verdict.next_steps)


def test_a_network_from_scratch_that_is_to_be_used_is_shown_with_its_own_score() -> None:
    alone = SAMPLE.baseline
    assert alone is not None
    offered = replace(SAMPLE, verdict=replace(verdict_of(SAMPLE), model="baseline"))
    text, page = repr(offered), offered._repr_html_()
    for shown in (text, page):
        assert f"{alone.architecture} from scratch" in shown
        assert f"{alone.test:.3f}" in shown
        assert SAMPLE.winner.label not in shown.split(",")[0]
    assert text.endswith("/baseline>")


def test_names_are_no_markup() -> None:
    page = replace(SAMPLE, winner=replace(SAMPLE.winner, label="<script>"))._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_page_that_could_not_be_made_is_not_named() -> None:
    assert "report" not in replace(SAMPLE, output=replace(SAMPLE.output, report=None))._repr_html_().split("<br>")[-1]
