"""Accuracy by depth: its files, and what is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.helpers.results.sample_result import LITE, SAMPLE
from tlsearch.report.images import Chart
from tlsearch.report.sections.depth import depth


def test_candidates_of_one_name_get_files_of_their_own() -> None:
    curve = SAMPLE.profile[LITE]
    pictures = depth(replace(SAMPLE, profile={"a@b": curve, "A@B": curve, "@": curve})).pictures
    assert [picture.name for picture in pictures] == ["depth-a-b", "depth-a-b-2", "depth-network"]


def test_the_caption_says_what_the_weights_of_each_network_were_trained_on() -> None:
    (first, *others) = SAMPLE.plan.candidates
    unknown = [replace(other, trained_on="") for other in others]
    plan = replace(SAMPLE.plan, candidates=(replace(first, trained_on="scans: 9 images"), *unknown))
    captions = {label: caption for label, _, caption in depth(replace(SAMPLE, plan=plan)).shown["depth_charts"]}
    assert captions[first.label].endswith("; weights from scans: 9 images")
    assert all(captions[other.label].endswith("; weights from training that is not known") for other in others)


def test_an_error_that_is_not_known_is_not_drawn() -> None:
    curve = SAMPLE.profile[LITE]
    assert all(point.stderr for point in curve)
    blank = tuple(replace(point, stderr=None) for point in curve)
    pictures = depth(replace(SAMPLE, profile={"known": curve, "unknown": blank})).pictures
    known, unknown = (picture for picture in pictures if isinstance(picture, Chart))
    assert [known.keys[0].label, unknown.keys[0].label] == ["linear probe, with standard error", "linear probe"]
    drawn = [
        sum(len(np.asarray(path.vertices)) for path in chart.figure.axes[0].collections[0].get_paths())
        for chart in (known, unknown)
    ]
    assert drawn[0] > 2 * len(curve)
    assert drawn[1] == 0
