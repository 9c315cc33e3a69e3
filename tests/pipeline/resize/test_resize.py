"""How pictures become squares is measured where they are far from square, and nothing changes where they are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.long_images import write_aspects, write_panoramas, write_shapes
from tests.helpers.pipeline.contexts import Heard, make_context, make_plan
from tests.helpers.workers.fake_worker import FakeWorker
from tests.helpers.workers.worker_here import WorkerHere
from tlsearch.config import RunConfig
from tlsearch.data.aspect import median_aspect
from tlsearch.data.images.decode import read_square
from tlsearch.data.images.pixels import open_pixels
from tlsearch.data.images.rgb import Decoding
from tlsearch.errors import TrialError
from tlsearch.pipeline.context import RunContext, try_out
from tlsearch.pipeline.messages import parent_params, plan_lines
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.plan import make_plan as real_plan
from tlsearch.pipeline.preflight import preflight
from tlsearch.pipeline.resize.choose import best_way, choose_resize, sampled
from tlsearch.pipeline.scan import check_and_split, load_data, pool_digest, scan
from tlsearch.report import resizing as words
from tlsearch.results.schema import Resizing
from tlsearch.training.probe import PROBE_IMAGES
from tlsearch.worker.protocol import OpenPool, ProbeImages

SIDE = 32


def told(rate: float, count: int = 100) -> list[float]:
    return [1.0] * round(rate * count) + [0.0] * (count - round(rate * count))


@pytest.mark.parametrize(
    ("squash", "pad", "crop", "best"),
    [
        (0.79, 0.90, 0.74, "pad"),
        (0.60, 0.70, 0.90, "crop"),
        (0.90, 0.80, 0.70, "squash"),
        (0.90, 0.90, 0.90, "squash"),
        (0.90, 0.92, 0.80, "pad"),
    ],
)
def test_the_best_way_wins_and_squashing_where_none_is_better_than_by_chance(
    squash: float, pad: float, crop: float, best: str
) -> None:
    rates = {"squash": told(squash), "pad": told(pad), "crop": told(crop)}
    assert best_way(rates, range(100))[0] == best


def test_squashing_wins_within_one_standard_error_which_is_that_of_pairs() -> None:
    ways = {"squash": [1.0, 0.0] * 50, "pad": [1.0, 0.5] * 50, "crop": [0.0] * 100}
    mode, stderr = best_way(ways, range(100))
    assert mode == "pad"
    assert stderr == pytest.approx(0.25 / 99**0.5)
    ways["pad"] = [0.0] * 10 + [1.0] * 52 + [0.0] * 38  # better on 26 images, worse on 24
    mode, stderr = best_way(ways, range(100))
    assert mode == "squash"
    assert stderr == pytest.approx((50 / 100 / 99) ** 0.5, rel=0.01)


def test_copies_of_an_image_are_no_further_evidence() -> None:
    """Better on 8 of 20 images, worse on 5: with 5 copies of each it would be beyond one standard error."""
    squash = [0.0] * 8 + [1.0] * 5 + [1.0] * 7
    pad = [1.0] * 8 + [0.0] * 5 + [1.0] * 7
    ways = {"squash": squash, "pad": pad, "crop": [0.0] * 20}
    once = best_way(ways, range(20))
    assert once[0] == "squash"
    copies = {name: np.repeat(rates, 5).tolist() for name, rates in ways.items()}
    mode, stderr = best_way(copies, [n // 5 for n in range(100)])
    assert mode == "squash"
    assert stderr == pytest.approx(once[1])


def test_large_sets_are_compared_on_a_part_with_every_class() -> None:
    labels = [0] * 20_000 + [1] * 30 + [2] * 9970
    training = tuple(range(0, 30_000, 2))
    chosen = sampled(labels, training, seed=3)
    assert PROBE_IMAGES - 3 <= len(chosen) <= PROBE_IMAGES + 3
    assert set(chosen) <= set(training)
    assert sorted(set(chosen)) == list(chosen)
    assert [sum(labels[place] == label for place in chosen) for label in range(3)] == [3333, 5, 1661]
    assert sampled(labels, training, seed=3) == chosen
    assert sampled([0, 1], (0, 1), seed=3) == (0, 1)


def worker(**rates: float) -> FakeWorker:
    """A worker that finds, from the pool that was opened last, what each way is worth."""
    opened: list[OpenPool] = []

    def probe(request: ProbeImages, _: object) -> tuple[float, ...]:
        (file,) = {file for size, file in opened[-1].pixels.items() if size == SIDE}
        mode = file.parent.name
        return tuple(told(rates[mode], len(opened[-1].labels)))

    return FakeWorker({OpenPool: lambda request, _: opened.append(request), ProbeImages: probe})


def planned(context: RunContext) -> Plan:
    """A plan with the real images of the context and two made-up networks, of which the second is cheaper."""
    context.work.mkdir(parents=True, exist_ok=True)
    plan = make_plan(data=load_data(context, scan(context), SIDE))
    return at_side(plan)


def at_side(plan: Plan) -> Plan:
    """The plan with all its candidates at one small size."""
    smaller = {c: replace(c, image_size=SIDE) for c in plan.measured}
    facts = {smaller[c]: replace(f, candidate=smaller[c]) for c, f in plan.measured.items()}
    space = replace(plan.space, candidates=tuple(smaller[c] for c in plan.space.candidates))
    return replace(plan, costs=replace(plan.costs, facts=facts), space=space)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    return write_aspects(tmp_path / "images", count=14, height=40)


def test_the_run_goes_on_as_if_the_way_had_been_asked_for(wide: Path, tmp_path: Path) -> None:
    heard, fake = Heard(), worker(squash=0.5, pad=1.0, crop=0.25)
    context = make_context(wide, fake, heard=heard, look_alikes="exact")
    before = planned(context)
    after = choose_resize(context, before)
    own = make_context(wide, fake, look_alikes="exact", resize="pad", checkpoint="own")
    asked = load_data(own, scan(own), SIDE)

    assert after.data.index.images == asked.index.images
    assert after.data.index.decoding == asked.index.decoding
    assert after.data.pool == asked.pool
    assert pool_digest(after.data) == pool_digest(asked)
    assert (np.asarray(open_pixels(after.data.pixels)) == open_pixels(asked.pixels)).all()
    for place, row in enumerate(after.data.pool[:5]):
        expected = read_square(after.data.index.file(row), SIDE, decoding=Decoding(resize="pad"))
        assert (open_pixels(after.data.pixels)[place] == expected).all()
    (last,) = [r for r in fake.requests if isinstance(r, OpenPool)][-1:]
    assert last.digest == pool_digest(asked)
    assert set(last.pixels) == {SIDE}
    assert last.pixels[SIDE] == after.data.pixels
    assert heard.lines[-1] == ("resize", "pad 1.000 (squash 0.476, crop 0.238): padded")  # 10 and 5 of 21 images
    assert not (context.work / "resize").exists()


def test_only_training_images_are_looked_at_by_the_cheapest_network(wide: Path) -> None:
    fake = worker(squash=0.5, pad=1.0, crop=0.4)
    context = make_context(wide, fake, look_alikes="exact")
    plan = planned(context)
    choose_resize(context, plan)
    opened = [request for request in fake.requests if isinstance(request, OpenPool)]
    training = len(plan.data.training)
    assert [len(request.labels) for request in opened[:3]] == [training] * 3
    work = {c: plan.measured[c].cuts.work(len(plan.measured[c].cuts)) for c in plan.measured}
    asked = {request.candidate for request in fake.requests if isinstance(request, ProbeImages)}
    assert asked == {min(work, key=lambda c: work[c])}


def test_what_was_chosen_stays_chosen_when_the_run_is_resumed(wide: Path) -> None:
    first = make_context(wide, worker(squash=0.5, pad=1.0, crop=0.4), look_alikes="exact")
    chosen = choose_resize(first, planned(first))
    nothing = FakeWorker({OpenPool: None})  # a second comparison would be an error
    resumed = make_context(wide, nothing, look_alikes="exact")
    again = choose_resize(resumed, planned(resumed))
    assert again.data.resizing == chosen.data.resizing
    assert pool_digest(again.data) == pool_digest(chosen.data)
    assert (np.asarray(open_pixels(again.data.pixels)) == open_pixels(chosen.data.pixels)).all()


@pytest.mark.parametrize(("aspect", "asked"), [(1.4, "auto"), (3.0, "squash"), (3.0, "pad"), (3.0, "crop")])
def test_nothing_is_measured_where_nothing_is_open(tmp_path: Path, aspect: float, asked: str) -> None:
    rng = np.random.default_rng(0)
    for number in range(16):
        file = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, round(20 * aspect), 3), dtype=np.uint8)).save(file)
    options: dict[str, Any] = {} if asked == "auto" else {"resize": asked}
    context = make_context(tmp_path / "images", FakeWorker({}), **options)
    plan = planned(context)
    assert choose_resize(context, plan) is plan
    mode = "squash" if asked == "auto" else asked
    assert plan.data.resizing == Resizing(mode=mode, asked=asked, aspect=aspect)
    assert parent_params(context.config, plan, None)["resize"] == mode
    assert "compared" not in " ".join(plan_lines(plan, 3, None)).replace("compared on", "")


def test_where_time_is_short_images_are_squashed_and_that_is_said(wide: Path) -> None:
    heard = Heard()
    context = make_context(wide, FakeWorker({OpenPool: None}), heard=heard, limit=0.5, look_alikes="exact")
    plan = planned(context)
    context.budget.timings["scan"] = 10.0
    after = choose_resize(context, plan)
    assert after.data.index.decoding.resize == "squash"
    assert heard.lines[-1][0] == "resize"
    assert heard.lines[-1][1].startswith("squashed; other ways were not compared: it would take about")
    assert heard.lines[-1][1].endswith("more than 5 % of the time limit")


def test_a_network_that_fails_leaves_them_squashed(wide: Path) -> None:
    heard = Heard()
    fake = FakeWorker({OpenPool: None, ProbeImages: TrialError("no more paint.")})
    context = make_context(wide, fake, heard=heard, look_alikes="exact")
    after = choose_resize(context, planned(context))
    assert after.data.index.decoding.resize == "squash"
    assert heard.lines[-1][1].endswith("failed: no more paint")


def test_the_plan_says_that_the_ways_are_compared(wide: Path) -> None:
    context = make_context(wide, FakeWorker({}), look_alikes="exact")
    plan = planned(context)
    assert plan.data.resizing is not None
    assert plan.data.resizing.aspect == pytest.approx(median_aspect(plan.data.index.images[r] for r in plan.data.pool))
    expected = f"{words.shape(plan.data.resizing.aspect)}: to squash, to pad and to crop them is compared"
    assert expected in plan_lines(plan, 3, None)


def test_what_is_said_of_it() -> None:
    found = Resizing(mode="squash", asked="auto", aspect=1.2)
    assert words.sentence(None) == words.sentence(found) == ""
    assert words.sentence(replace(found, mode="crop", asked="crop")) == "Images were cropped to squares, as asked."
    scores = {"squash": 0.79, "pad": 0.83, "crop": 0.74}
    measured = Resizing(mode="pad", asked="auto", aspect=3.04, scores=scores, stderr=0.01, candidate="net@w")
    assert words.chosen(measured) == "pad 0.830 (squash 0.790, crop 0.740): padded"
    assert words.sentence(measured) == (
        "The images are 3.0 times as long as wide (median), so the ways to make them squares were compared: accuracy "
        "of linear probes on net@w, cross-validated on training images, was pad 0.830 (squash 0.790, crop 0.740). They "
        "were padded."
    )
    skipped = replace(found, aspect=2.0, not_measured="it would take about 9 s")
    assert "not compared: it would take about 9 s." in words.sentence(skipped)


def test_images_lie_or_stand() -> None:
    from tests.helpers.pipeline.contexts import make_index

    shapes = [(300, 100), (100, 300), (100, 100), (200, 100), (100, 160)]
    images = [replace(i, width=w, height=h) for i, (w, h) in zip(make_index([0] * 5).images, shapes, strict=True)]
    assert median_aspect(images) == 2.0


# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("write", "side", "right", "lost"),
    [
        (write_panoramas, 64, {"squash", "pad"}, "crop"),
        (write_shapes, 96, {"crop", "pad"}, "squash"),
        (write_aspects, 64, {"pad"}, "squash"),
    ],
)
def test_the_bundled_network_finds_the_way_that_keeps_what_tells_the_classes(
    tmp_path: Path,
    write: Callable[[Path], Path],
    side: int,
    right: set[str],
    lost: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tlsearch.pipeline.context.WorkerClient", WorkerHere)
    folder = write(tmp_path / "images")
    config = RunConfig(
        dataset=folder,
        backbones=("efficientnet_lite0",),
        image_size=side,
        look_alikes="exact",
        trials=3,
        cache_dir=tmp_path / "cache",
    )
    with try_out(config, None) as context:
        files = scan(context)
        ready = preflight(context, files, download=False)
        plan = real_plan(context, check_and_split(context, files, max(ready.sizes)), ready)
        found = choose_resize(context, plan).data.resizing
    assert found is not None
    assert found.mode in right
    assert found.scores[lost] < found.scores[found.mode] - 0.1
