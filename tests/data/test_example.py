"""The photographs that come with tlsearch are what their README says."""

from __future__ import annotations

from pathlib import Path

from tlsearch.data.checks import check
from tlsearch.data.split import split
from tlsearch.data.survey import scan

ROOT = Path(__file__).parents[2] / "examples" / "clothing"


def test_the_example_data_set() -> None:
    index = scan(ROOT)
    assert len(index.classes) == 10
    assert set(index.counts.values()) == {30}
    assert index.skipped == ()
    assert max(min(image.width, image.height) for image in index.images) == 160
    assert sum((ROOT / image.path).stat().st_size for image in index.images) < 3_000_000
    parts = split(index, 0)
    assert (len(parts.train), len(parts.val), len(parts.test)) == (225, 0, 75)
    assert len(set(parts.groups)) == 300
    assert [finding.kind for finding in check(index, parts)] == ["few_test_images"]
    readme = (ROOT / "README.md").read_text()
    assert all(name in readme for name in (*index.classes, "CC0", "Alexey"))
