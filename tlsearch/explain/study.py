"""A study of the heat maps of a run's winner, on pictures that are no test images, within a time."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tlsearch.errors import OutOfTimeError, TlsearchError, UsageError
from tlsearch.explain.curves import FEWEST, Pictures, measure_curves
from tlsearch.explain.maps import Explainer, HeatMaps
from tlsearch.explain.measures import BORDER_AREA, border_shares, rank_correlations
from tlsearch.explain.overlay import overlay, to_png
from tlsearch.explain.pictures import read_images
from tlsearch.explain.records import MapAgreement, MapStudy, ShownMap
from tlsearch.plugins.api import Images
from tlsearch.predictor import Predictor, load
from tlsearch.stats.bootstrap import percentile_interval
from tlsearch.types import Float32Array, Float64Array, Interval
from tlsearch.utils.deadline import check_time, seconds_left
from tlsearch.utils.files import write_atomically

MAPS_FOLDER = "heat-maps"
"""The folder of a run for the maps that its report shows."""

ARRAYS_FILE = "maps.npz"
"""The file in it with the maps as arrays: ``winner`` (K, H, W), and where there is one ``from_scratch``."""

FEWEST_OF_CLASS = 3
"""Pictures of a class below which its share in the border is not said."""

RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class ToShow:
    """A picture for the report: its file, its name in the data set, its class, and the class that its map is about."""

    file: Path
    path: str
    true: str
    explained: str

    @property
    def mistake(self) -> bool:
        """Whether the map is about another class than the picture's."""
        return self.true != self.explained


@dataclass(frozen=True, kw_only=True)
class StudyRequest:
    """What is studied.

    Attributes:
        winner: The folder of the model.
        from_scratch: That of the network from scratch; None where there is none.
        output: The output folder of the run, for the overlays.
        shown: The pictures for the report.
        sample: Other files, on which shares and curves are measured, in a random order.
        groups: Numbers of what of the sample belongs together.
        seed: Decides random orders and resamples.
        seconds: How long it may take; None for as long as it takes.
        seen: Whether the model was trained on these pictures.
    """

    winner: Path
    from_scratch: Path | None
    output: Path
    shown: tuple[ToShow, ...]
    sample: tuple[Path, ...]
    groups: tuple[int, ...]
    seed: int = 0
    seconds: float | None = None
    seen: bool = False


@dataclass(frozen=True)
class _Looked:
    """The pictures that could be read, by number, with the maps of one network about given classes."""

    numbers: list[int]
    images: Images
    maps: HeatMaps


def study(request: StudyRequest) -> MapStudy:
    """Make the maps, draw those that are shown, and measure what they are worth.

    Where the time of the work ends before, what is done is kept, and of the rest it is said that there was no time.

    Raises:
        UsageError: The winner's network has no features with places, or none of the pictures can be read.
        OutOfTimeError: There was no time for any map.
    """
    end = None if request.seconds is None else time.monotonic() + request.seconds
    predictor = load(request.winner)
    explainer = Explainer(predictor)
    shown = _look(explainer, [item.file for item in request.shown], [item.explained for item in request.shown])
    sample = _look(explainer, request.sample)
    if sample is None and (shown is None or seconds_left() >= 0):
        check_time()
        raise UsageError("None of the pictures can be read any more: restore them to see heat maps of them.")
    borders = np.zeros(0) if sample is None else border_shares(sample.maps.maps)
    means = borders[~np.isnan(borders)]
    agreement, other, why = _compare(request, shown, sample, end)
    rows, columns = explainer.grid
    found = MapStudy(
        method=explainer.method,
        exact=explainer.exact,
        rows=rows,
        columns=columns,
        images=len(borders),
        border=float(means.mean()) if len(means) else None,
        border_ci95=_interval(means, request.seed) if len(means) else None,
        border_area=BORDER_AREA,
        border_by_class={} if sample is None else _by_class(predictor.labels, sample, borders),
        from_scratch=agreement,
        no_from_scratch=why,
        seen=request.seen,
        shown=() if shown is None else _write(request, predictor, shown, other),
    )
    return _with_curves(found, predictor, sample, request, end)


def _look(explainer: Explainer, files: Sequence[Path], about: Sequence[str] | None = None) -> _Looked | None:
    """Maps of the files that can be read and for which there is time; None where there are none."""
    labels = explainer.predictor.labels
    read = list(enumerate(read_images(explainer.predictor, files)))
    pictures = [(number, item) for number, item in read if not isinstance(item, str)]
    if not pictures:
        return None
    images = np.stack([item for _, item in pictures])
    numbers = [number for number, _ in pictures]
    classes = None if about is None else np.array([labels.index(about[number]) for number in numbers], np.intp)
    maps = explainer.in_time(images, classes)
    done = len(maps.maps)
    return _Looked(numbers[:done], images[:done], maps) if done else None


def _compare(
    request: StudyRequest, shown: _Looked | None, sample: _Looked | None, end: float | None
) -> tuple[MapAgreement | None, Float32Array | None, str | None]:
    """How alike the maps of the network from scratch are, its maps of what is shown, or why there is neither."""
    if request.from_scratch is None:
        return None, None, "no network was trained from scratch"
    if sample is None or _is_over(end):
        return None, None, "there was no time for the maps of the network from scratch"
    try:
        scratch = load(request.from_scratch)
        explainer = Explainer(scratch)
        # The same pictures, as this network sees them, about the same classes.
        ours = _look_again(explainer, [request.sample[n] for n in sample.numbers], sample)
        theirs = (
            None if shown is None else _look_again(explainer, [request.shown[n].file for n in shown.numbers], shown)
        )
    except OutOfTimeError:
        return None, None, "there was no time for the maps of the network from scratch"
    except (TlsearchError, ValueError) as error:
        return None, None, f"the network from scratch has no maps: {error}"
    same = rank_correlations(sample.maps.maps, ours)
    different = rank_correlations(sample.maps.maps, np.roll(ours, 1, axis=0))
    known, others = same[~np.isnan(same)], different[~np.isnan(different)]
    if len(known) < FEWEST:
        return None, theirs, f"only {len(known)} pictures have maps of both networks"
    agreement = MapAgreement(
        images=len(known),
        same=float(known.mean()),
        same_ci95=_interval(known, request.seed),
        different=float(others.mean()),
    )
    return agreement, theirs, None


def _look_again(explainer: Explainer, files: Sequence[Path], known: _Looked) -> Float32Array:
    images = [item for item in read_images(explainer.predictor, files) if not isinstance(item, str)]
    return explainer(np.stack(images), known.maps.classes).maps


def _with_curves(
    found: MapStudy, predictor: Predictor, sample: _Looked | None, request: StudyRequest, end: float | None
) -> MapStudy:
    if sample is None or _is_over(end):
        return replace(found, no_curves="there was no time for deletion and insertion curves")
    pictures = Pictures(
        images=sample.images,
        maps=sample.maps.maps,
        classes=sample.maps.classes,
        groups=np.array([request.groups[number] for number in sample.numbers], np.int64),
    )
    try:
        seconds = None if end is None else end - time.monotonic()
        return replace(found, curves=measure_curves(predictor, pictures, request.seed, seconds))
    except ValueError as error:
        return replace(found, no_curves=f"there are no deletion and insertion curves: {error}")


def _is_over(end: float | None) -> bool:
    return end is not None and time.monotonic() >= end


def _by_class(labels: Sequence[str], sample: _Looked, borders: Float64Array) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for number, name in enumerate(labels):
        own = borders[(sample.maps.classes == number) & ~np.isnan(borders)]
        if len(own) >= FEWEST_OF_CLASS:
            found[name] = float(own.mean())
    return found


def _interval(values: Float64Array, seed: int) -> Interval:
    """The 95 % percentile interval of a mean, by bootstrap."""
    drawn = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    return percentile_interval(values[drawn].mean(axis=1))


def _write(
    request: StudyRequest, predictor: Predictor, shown: _Looked, other: Float32Array | None
) -> tuple[ShownMap, ...]:
    """Write overlays and arrays of what is shown."""
    folder = request.output / MAPS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"winner": shown.maps.maps} | ({} if other is None else {"from_scratch": other})
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]  # its stub takes no mapping
    write_atomically(folder / ARRAYS_FILE, stream.getvalue())
    borders = border_shares(shown.maps.maps)
    found = []
    for place, number in enumerate(shown.numbers):
        item, image = request.shown[number], shown.images[place]
        names = {"winner": shown.maps.maps[place]} | ({} if other is None else {"from-scratch": other[place]})
        for name, heat in names.items():
            write_atomically(folder / f"{place + 1:02}-{name}.png", to_png(overlay(image, heat)))
        found.append(
            ShownMap(
                path=item.path,
                true=item.true,
                explained=item.explained,
                probability=float(shown.maps.probabilities[place, shown.maps.classes[place]]),
                mistake=item.mistake,
                border=None if np.isnan(borders[place]) else float(borders[place]),
                overlay=f"{MAPS_FOLDER}/{place + 1:02}-winner.png",
                scratch=None if other is None else f"{MAPS_FOLDER}/{place + 1:02}-from-scratch.png",
            )
        )
    return tuple(found)
