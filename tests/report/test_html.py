"""The report as a reader and as a browser see it: its completeness, and that it asks nobody."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.results.page import _fresh_page, render, save_mistakes
from tests.helpers.results.sample_insights import SUSPECT
from tests.helpers.results.sample_result import CLASSES, LITE, SAMPLE
from tests.helpers.results.sample_trials import SOLVED
from tlsearch.data.findings import Finding
from tlsearch.folders.walk import Skipped
from tlsearch.results.schema import Confusion, Histories, Insights, LabelErrors, Mistake, ProfilePoint, TrialRow, Winner


@pytest.fixture(autouse=True)
def _only_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures as files take longer than the page, and have tests of their own."""
    monkeypatch.setattr("tlsearch.report.html.write_pictures", lambda pictures, output: output)


def test_the_report_states_the_answer(tmp_path: Path) -> None:
    text = render(SAMPLE, tmp_path).text
    assert "90.3 %" in text
    assert "accuracy on 372 test images, 95 % interval 86.9 to 92.9 %" in text
    assert "tested once: no recorded run had looked at these test images before" in text
    assert SAMPLE.winner.label in text
    assert "beats another network (small_cnn) trained from scratch by +30.1 points [+24.9, +35.3], p < 0.001" in text
    assert "122 images only the pre-trained one has right, 10 only the other" in text
    assert "the winner gains +4.3 points [+1.7, +7.1], p = 0.002" in text
    assert "55.1 to 65.0 %" in text


def test_all_models_stand_side_by_side(tmp_path: Path) -> None:
    text = render(SAMPLE, tmp_path).text
    assert "validation (selected, optimistic) confirmed on resampled folds tested once cost at use winner" in text
    assert (
        f"winner {SAMPLE.winner.label} 91.2 % 90.5 % 3 folds, seeds ± 0.6, sampling ± 1.7 90.3 % 86.9 to 92.9 %" in text
    )
    assert "linear probe 87.6 % 86.8 % 3 folds, sampling ± 1.5 86.0 % 82.1 to 89.2 %" in text
    assert "from scratch small_cnn 61.3 % 59.8 % 3 folds, sampling ± 2.1 60.2 % 55.1 to 65.0 %" in text
    assert "also from scratch efficientnet_lite0 57.1 % none 56.6 % 51.5 to 61.5 %" in text


def test_figures_from_folds_say_so(tmp_path: Path) -> None:
    probe = SAMPLE.linear_probe
    assert probe is not None
    folds = replace(
        SAMPLE, plan=replace(SAMPLE.plan, folds=5), metrics=replace(SAMPLE.metrics, val_folds=3),
        linear_probe=replace(probe, val_folds=5),
    )  # fmt: skip
    text = render(folds, tmp_path).text
    assert "mean of 3 folds (selected, optimistic)" in text
    assert "linear probe 87.6 % mean of 5 folds 86.8 %" in text
    assert "small_cnn 61.3 % fold 1 of 5 59.8 %" in text
    source = "136 validation images of folds, and so on models that saw fewer images than the tested one"
    assert f"fitted on {source}: 2.2 %" in text
    assert "of folds, and so" not in render(SAMPLE, tmp_path).text


def test_the_findings_are_told_and_drawn(tmp_path: Path) -> None:
    save_mistakes(tmp_path, "shirt/9.jpg")
    page = render(SAMPLE, tmp_path)
    assert "because it is no linear probe: from 535 to 1,069 images, a linear probe gained +2.3 points" in page.text
    assert "count about 31 of 1,336 training and validation images as wrongly labelled" in page.text
    assert "in shirt 0 % looks like dress 95 % shirt/9.jpg" in page.text
    assert page.text.count("no picture") == 2  # the mistakes; the suspect's is there
    assert "The expected calibration error is 6.1 % (15 bins" in page.text
    assert "temperature 1.62, fitted on 136 validation images: 2.2 % and 0.341" in page.text
    assert page.tags.count("svg") == 8
    assert "Of 372 test images 91.4 % have it in their set (88.4 to 94.4 %). 21 of them (5.6 %) have" in page.text
    assert "99 %: here it holds all classes, because a coverage of 0.99 needs at least 99 independent" in page.text
    without = render(replace(SAMPLE, insights=Insights()), tmp_path)
    assert without.tags.count("svg") == 6
    assert "Labels that look wrong" not in without.text


def test_every_section_is_filled(tmp_path: Path) -> None:
    save_mistakes(tmp_path)
    page = render(SAMPLE, tmp_path)
    assert re.findall(r"<h2>(.*?)</h2>", page.source) == [
        "Accuracy by depth", "What mattered", "Trials", "Learning curves", "Confusion on test",
        "Class by class on test", "Worst mistakes on validation", "Labels that look wrong",
        "Are its probabilities true?", "When is it not sure?", "Would more images help?", "Data", "Cost",
        "How to reproduce",
    ]  # fmt: skip
    assert page.tags.count("svg") == 8
    assert "2 complete, 1 stopped early, 1 failed." in page.text
    assert "loss is not finite" in page.text
    assert "best 86.5 % after block 13 of 18 (cut point cut 13 of " in page.text
    assert "hat/broken.jpg : it is broken: truncated file" in page.text
    assert "resnet50, weights not found" in page.text
    assert "tlsearch run /data/clothing --time-limit 25m --seed 0" in page.text
    assert "18m 52s in all." in page.text
    assert "still improving" in page.text


def test_trials_are_ranked_and_the_winner_is_marked(tmp_path: Path) -> None:
    source = render(SAMPLE, tmp_path).source
    rows = re.findall(r"<tr( class=\"won\")?>\s*<td class=\"n\">(\d+)</td>", source)
    assert rows == [(' class="won"', "2"), ("", "1"), ("", "3"), ("", "4"), ("", "0")]


def test_the_score_of_a_confirmation_is_said_to_be_another(tmp_path: Path) -> None:
    note = "Scores are accuracy on validation images (selected, optimistic)"
    assert f"{note}." in render(SAMPLE, tmp_path).text
    assert "Below the trials of the search stand the networks from scratch." in render(SAMPLE, tmp_path).text
    confirmed = replace(SAMPLE.trials[2], number=9, role="confirmation")
    text = render(replace(SAMPLE, trials=(*SAMPLE.trials, confirmed)), tmp_path).text
    assert "Below the trials of the search stand the networks from scratch and the confirmations, each on one" in text


def test_pictures_are_small_and_inside_the_file(tmp_path: Path) -> None:
    save_mistakes(tmp_path)
    page = render(SAMPLE, tmp_path)
    pictures = [address for address in page.addresses if address.startswith("data:image/jpeg;base64,")]
    assert len(pictures) == 2
    image = Image.open(io.BytesIO(base64.b64decode(pictures[0].partition(",")[2])))
    assert image.size == (240, 180)


def test_a_picture_that_is_gone_is_left_blank(tmp_path: Path) -> None:
    page = render(SAMPLE, tmp_path)
    assert "img" not in page.tags
    assert page.text.count("no picture") == 3


def test_the_page_asks_no_host_for_anything(tmp_path: Path) -> None:
    save_mistakes(tmp_path)
    page = render(SAMPLE, tmp_path)
    assert page.addresses
    assert all(address.startswith(("data:image/jpeg;", "#")) for address in page.addresses)
    assert not {"link", "iframe", "object"} & set(page.tags)
    assert "src" not in re.findall(r"<script([^>]*)>", page.source)[0]
    assert not re.search(r"\bon\w+=", page.source)
    assert "@import" not in page.source
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page.source))


@pytest.mark.parametrize("uri", ["https://records.example/mlflow/", "sqlite:////data/mlflow.db"])
def test_the_page_leads_to_the_record_of_the_search(tmp_path: Path, uri: str) -> None:
    assert SAMPLE.mlflow is not None
    on_server = uri.startswith("https")
    ui = "https://records.example/mlflow/#/experiments/1/" if on_server else "http://127.0.0.1:5000/#/experiments/1/"
    record = replace(
        SAMPLE.mlflow, tracking_uri=uri, ui_command=uri if on_server else "mlflow ui --backend-store-uri x",
        view=f"{ui}runs?viewStateShareKey=a", searches=f"{ui}runs?viewStateShareKey=b", parent_run_name="clothing-1",
    )  # fmt: skip
    page = _fresh_page(replace(SAMPLE, mlflow=record), tmp_path)
    assert [address for address in page.addresses if address.startswith("http")] == [
        f"{ui}runs/parent", f"{ui}runs?viewStateShareKey=a", f"{ui}runs?viewStateShareKey=b",
    ]  # fmt: skip
    assert "the search clothing-1 (run parent ), its trials , all searches ." in page.text
    # A file needs a command that shows it; a server does not.
    assert ("mlflow ui --backend-store-uri x Then open" in page.text) == (not on_server)
    assert ("This command shows them" in page.text) == (not on_server)


def test_no_two_parts_of_the_page_share_an_id(tmp_path: Path) -> None:
    same = {LITE: SAMPLE.profile[LITE], "other@imagenet": SAMPLE.profile[LITE]}
    page = render(replace(SAMPLE, profile=same), tmp_path)
    assert page.ids
    assert len(page.ids) == len(set(page.ids))
    assert {address[1:] for address in page.addresses} <= set(page.ids)


def test_the_same_result_gives_the_same_bytes(tmp_path: Path) -> None:
    assert _fresh_page(SAMPLE, tmp_path / "a").source == _fresh_page(SAMPLE, tmp_path / "b").source


def test_a_bare_result_still_makes_a_page(tmp_path: Path) -> None:
    bare = replace(
        SAMPLE, baseline=None, gain=None, linear_probe=None, mlflow=None, confusion=None, mistakes=(),
        histories=Histories(), profile={}, trials=(), from_scratch=(), insights=Insights(),
        importance=None, frozen_work=(),
        timings={}, versions={}, command="", started="",
        metrics=replace(SAMPLE.metrics, confirmed=None, ms_per_image=None, megabytes=None, test_opened=None),
        dataset=replace(SAMPLE.dataset, skipped=(), findings=()),
        winner=Winner.of(replace(SOLVED, freeze_depth=0), "", ()),
    )  # fmt: skip
    page = render(bare, tmp_path)
    assert "svg" not in page.tags
    assert "What pre-training brought is not known. Nothing was trained from scratch." in page.text
    assert "it is a linear probe, which is solved directly and not trained in epochs" in page.text
    assert "None to show." in page.text
    assert "Nothing unusual was found." in page.text


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>$\\frac{&amp;\u202e\udcff'
    names = (evil, *CLASSES[1:])
    suspect = replace(SUSPECT, path=evil, given=evil, suggested=evil)
    hostile = replace(
        SAMPLE,
        dataset=replace(
            SAMPLE.dataset, path=f"/data/{evil}", classes=names,
            counts={"train": dict.fromkeys(names, 5), "test": dict.fromkeys(names, 5)},
            skipped=(Skipped(evil, evil),),
            findings=(Finding(kind=evil, severity="warning", message=evil, files=(evil,)),),
        ),
        profile={evil: (ProfilePoint(cut_point=evil, depth=1, accuracy=0.5),)},
        trials=(*SAMPLE.trials, replace(SAMPLE.trials[0], number=9, reason=evil, label=evil)),
        confusion=Confusion(names, ((1, 2, 0, 0),) * 4),
        mistakes=(Mistake(path=evil, true=evil, predicted=evil, probability=0.5),),
        insights=replace(
            SAMPLE.insights,
            label_errors=LabelErrors(examined=9, estimated=1, suspects=(suspect,)),
        ),
        versions={evil: evil},
        command=evil,
    )  # fmt: skip
    page = render(hostile, tmp_path)
    assert page.tags.count("script") == 1  # the page's own
    assert page.text.count("<script>alert(1)</script>$\\frac{&amp;") >= 15


def test_files_that_are_not_used_are_counted_as_everywhere_else(tmp_path: Path) -> None:
    """A folder that takes no part is one entry with all its images; of long lists the rest is named."""
    folder = Skipped("cat/masks", "its images are masks", 1500)
    broken = tuple(Skipped(f"cat/{number}.jpg", "it is broken") for number in range(250))
    found = (Finding(kind="skipped", severity="warning", message="1,750 files not used", files=("cat/masks",) * 103),)
    copies = Finding(kind="copies", severity="info", message="Two copies", files=("a.jpg", "b.jpg"))
    data = replace(SAMPLE.dataset, skipped=(folder, *broken), findings=(*found, copies))
    text = render(replace(SAMPLE, dataset=data), tmp_path).text
    assert "1,750 files not used cat/masks (1,500 files): its images are masks" in text
    assert "cat/198.jpg : it is broken and 51 more" in text
    assert "1,750 files not used which cat/masks" in text
    assert "cat/masks and 3 more" in text
    assert "Two copies 2 files a.jpg b.jpg" in text


def test_many_classes_become_a_list_of_confusions(tmp_path: Path) -> None:
    names = tuple(f"class {number}" for number in range(40))
    matrix = [[0] * 40 for _ in names]
    for i in range(40):
        matrix[i][i] = 10
    matrix[3][7], matrix[5][1] = 4, 2
    page = render(replace(SAMPLE, confusion=Confusion(names, tuple(map(tuple, matrix)))), tmp_path)
    assert "class 3 class 7 4 29 % class 5 class 1 2 17 %" in page.text


def test_only_the_page_s_own_script_may_run(tmp_path: Path) -> None:
    source = render(SAMPLE, tmp_path).source
    (script,) = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', source)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert policy.count("unsafe-inline") == 1  # of styles


def test_the_table_of_trials_can_be_sorted_by_value(tmp_path: Path) -> None:
    source = render(SAMPLE, tmp_path).source
    assert re.findall(r'class="wide (\w+) sortable"', source) == ["trials", "classes"]
    won = source[source.index('<tr class="won">') :]
    cells = re.findall(r'data-value="([^"]*)"', won[: won.index("</tr>")])
    assert cells == ["0.912", SAMPLE.winner.label, str(6 / 18), "0", "0.5", "201.0"]


def test_the_page_says_where_its_pictures_are(tmp_path: Path) -> None:
    assert "lies as a PNG in the folder pictures beside it" in render(SAMPLE, tmp_path).text


def test_a_pruned_twin_of_the_winner_is_not_marked(tmp_path: Path) -> None:
    twin = replace(SAMPLE.trials[2], number=1, state="pruned", value=None)
    rows: tuple[TrialRow, ...] = (twin, SAMPLE.trials[2])
    source = render(replace(SAMPLE, trials=rows), tmp_path).source
    assert re.findall(r'class="won">\s*<td class="n">(\d+)', source) == ["2"]


def test_long_names_break_behind_their_marks_and_nowhere_else(tmp_path: Path) -> None:
    label = "efficientnet_lite0@imagenet freeze 6/18 <b>"
    page = render(replace(SAMPLE, winner=replace(SAMPLE.winner, label=label)), tmp_path)
    assert "efficientnet_<wbr>lite0@<wbr>imagenet freeze 6/18 &lt;b&gt;" in page.source
    assert label in page.text
