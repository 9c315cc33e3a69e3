"""Where the winner looked: heat maps of its worst mistakes and surest right answers, and what the maps are worth."""

from __future__ import annotations

from pathlib import Path

from tlsearch.report.charts import NEUTRAL, WINNER, Key, as_percent, new_chart
from tlsearch.report.images import Chart, PhotoSheet, data_uri, thumbnail
from tlsearch.report.numbers import percent, percent_interval
from tlsearch.report.sections.photographs import contact_sheet
from tlsearch.report.sections.section import Section
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Curves, MapStudy, ShownMap

KEYS = (Key("in the order of the map", WINNER, "line"), Key("in a random order", NEUTRAL, "dashed"))


def heat_maps(result: RunResult, output: Path) -> Section:
    """``output`` is the folder of the run, with the maps; those that are gone from it are left blank."""
    study, why = result.insights.heat_maps, result.insights.no_heat_maps
    if study is None:
        lines = [f"There are no heat maps: {why.rstrip('.')}."] if why else []
        return Section({"heat_sentences": lines, "heat_charts": [], "heat_keys": KEYS, "heat_groups": []})
    charts = [] if study.curves is None else [_chart(study.curves, "deletion"), _chart(study.curves, "insertion")]
    groups = [
        (heading, [_figure(item, output) for item in study.shown if item.mistake == mistake])
        for heading, mistake in (("Worst mistakes", True), ("Surest right answers", False))
    ]
    sheet = _sheet(study, output)
    return Section(
        {
            "heat_sentences": sentences(result, study),
            "heat_charts": charts,
            "heat_keys": KEYS,
            "heat_groups": [group for group in groups if group[1]],
        },
        (*charts, *([sheet] if sheet else [])),
    )


def sentences(result: RunResult, study: MapStudy) -> list[str]:
    """What is said of the maps: what they are, whether they mean anything, where the heat lies, and of its border."""
    lines = [_what(study), _worth(study), *_border(study), *_shortcuts(result, study), _scratch(study)]
    if study.seen:
        lines.append(
            "The model that ships has been trained on these images, for trials were compared on folds, so it may no "
            "longer make the mistakes of the folds."
        )
    return lines


def _what(study: MapStudy) -> str:
    places = f"{study.rows} x {study.columns} places of a picture"
    if study.exact:
        return (
            f"A map says what each of {places} adds to the logit of a class; it is exact: its sum and the bias of the "
            "class are the logit. Bright places speak for the class."
        )
    return (
        f"A map says which of {places} speak for a class by the gradient of its logit (HiResCAM), a hint that does not "
        "add up to the logit. Bright places speak for the class."
    )


def _worth(study: MapStudy) -> str:
    curves = study.curves
    if curves is None:
        return f"Whether the maps mean anything is not known: {study.no_curves}."
    low, high = curves.deletion_gain_ci95
    figures = f"{curves.deletion_gain:.3f} [{low:.3f}, {high:.3f}] on {curves.images} images"
    if curves.better_than_random:
        return (
            "The maps mean something: where the brightest places are blurred first, the area under the probability of "
            f"the class is smaller than where they are blurred in a random order, by {figures}. {_own(curves)}"
        )
    return (
        "The maps are not shown to mean anything, so do not rely on them: where the brightest places are blurred "
        "first, the area under the probability of the class differs from that of a random order by no more than "
        f"chance allows, {figures}."
    )


def _own(curves: Curves) -> str:
    """How much of that belongs to the single image."""
    low, high = curves.own_gain_ci95
    figures = f"{curves.own_gain:.3f} [{low:.3f}, {high:.3f}]"
    if low > 0:
        return f"Than in the order of another image's map it is smaller by {figures}: so much is of the image itself."
    return (
        f"The map of another image does as well ({figures}): what the maps show is common to all images, such as the "
        "middle."
    )


def _border(study: MapStudy) -> list[str]:
    if study.border is None or study.border_ci95 is None:
        return []
    where = (
        f"{percent(study.border, 0)} ({percent_interval(study.border_ci95)}) of the heat lies in the border frame, a "
        f"tenth of the side wide, which is {percent(study.border_area, 0)} of the area"
    )
    if study.border_ci95[0] > study.border_area:
        return [f"{where}: more than its share, so look whether the background gives classes away."]
    return [f"{where}."]


def _shortcuts(result: RunResult, study: MapStudy) -> list[str]:
    """Of classes that a colour gives away in training, how much of their heat is in the border."""
    messages = [item.message for item in result.dataset.findings if item.kind == "colour_shortcut"]
    return [
        f"Class {name}, which a colour gives away in training, has {percent(share, 0)} of its heat in the border frame."
        for name, share in study.border_by_class.items()
        if any(message.startswith(f"class {name} is given away") for message in messages)
    ]


def _scratch(study: MapStudy) -> str:
    agreement = study.from_scratch
    if agreement is None:
        return f"There is no comparison with a network from scratch: {study.no_from_scratch}."
    low, high = agreement.same_ci95
    return (
        f"Maps of the network from scratch and of the winner agree with a rank correlation of {agreement.same:.2f} "
        f"[{low:.2f}, {high:.2f}], those of different images with {agreement.different:.2f}. Near 1, maps would follow "
        "the image whatever a network has learned (Adebayo et al. 2018)."
    )


def _figure(item: ShownMap, output: Path) -> tuple[ShownMap, str | None, str | None]:
    """A map with the pictures of the winner and of the network from scratch."""
    own = data_uri(thumbnail(output / item.overlay))
    other = None if item.scratch is None else data_uri(thumbnail(output / item.scratch))
    return item, own, other


def _chart(curves: Curves, name: str) -> Chart:
    """Probabilities of the class by the share of the area that is blurred, or shown."""
    from matplotlib.ticker import MultipleLocator

    deletes = name == "deletion"
    own, random = (curves.deletion, curves.random_deletion) if deletes else (curves.insertion, curves.random_insertion)
    figure, axes = new_chart(f"share of the area {'blurred' if deletes else 'shown'}", "probability of the class")
    axes.plot(curves.shares, random, color=NEUTRAL, linewidth=1.4, linestyle=(0, (4, 3)))
    axes.plot(curves.shares, own, color=WINNER, linewidth=1.8)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MultipleLocator(0.25))
    as_percent(axes, "x")
    rows = list(zip(curves.shares, own, random, strict=True))
    title = "Blurred from the brightest places on" if deletes else "Shown from the brightest places on"
    header = ("share", "in_order_of_map", "in_random_order")
    return Chart(name=f"heat-maps-{name}", title=title, figure=figure, header=header, rows=rows, keys=KEYS)


def _sheet(study: MapStudy, output: Path) -> PhotoSheet | None:
    """All maps on one picture: the winner's, each with that of the network from scratch beside it."""
    images, captions, rows = [], [], []
    for item in study.shown:
        kind = f"is {item.true}" if item.mistake else "right"
        for name, file in (("winner", item.overlay), ("from scratch", item.scratch)):
            if file is not None:
                images.append(thumbnail(output / file))
                captions.append((f"{name}: {item.explained}", kind, item.path))
        rows.append((item.path, item.true, item.explained, item.probability, item.mistake, item.border))
    header = ("path", "true", "explained", "probability", "mistake", "border")
    return contact_sheet("heat-maps", images, captions, header, rows) if images else None
