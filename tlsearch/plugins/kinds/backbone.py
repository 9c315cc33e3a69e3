"""Backbones: pre-trained networks that can be cut in two."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.config_values import NAME
from tlsearch.errors import WeightsError
from tlsearch.plugins.api import BACKBONE_GROUP, Backbone, CutPoint, TrainingHints, WeightSource
from tlsearch.plugins.guard import Guarded, blaming
from tlsearch.plugins.kinds.kind import PluginKind

if TYPE_CHECKING:
    import keras


class GuardedBackbone(Guarded):
    """A backbone whose methods raise ``PluginFailedError``; a file of weights that does not fit is no fault of it."""

    def __init__(self, plugin: Backbone) -> None:
        super().__init__("backbone", plugin)

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """See ``Backbone``. A ``ValueError`` about a weights file stays one."""
        with blaming("backbone", self.guarded):
            try:
                return self.guarded.build(image_size, weights)
            except ValueError as error:
                if weights is None:
                    raise
                misfit = error
        raise misfit

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """See ``Backbone``."""
        with blaming("backbone", self.guarded):
            return list(self.guarded.cut_points(model))

    def preprocess(self, images: Any) -> Any:
        """See ``Backbone``."""
        with blaming("backbone", self.guarded):
            return self.guarded.preprocess(images)


def _fault(plugin: Any) -> str | None:
    if re.fullmatch(NAME, plugin.name) is None:
        return f"its name {plugin.name!r} is not made of letters, digits, points, underscores and hyphens"
    sizes: list[Any] = [getattr(plugin, size, None) for size in ("min_image_size", "default_image_size")]
    if not all(isinstance(size, int) and size > 0 for size in sizes) or sizes[0] > sizes[1]:
        return f"its min and default image sizes, {sizes[0]!r} and {sizes[1]!r}, are not two sizes in order"
    weights = getattr(plugin, "weights", None)
    if not isinstance(weights, Mapping):
        return "its weights are not a mapping of names to WeightSource"
    for text in ("title", "weights_hint"):
        if not isinstance(given := getattr(plugin, text, ""), str):
            return f"its {text} is of the type {type(given).__name__}, not a string"
        if len(given.splitlines()) > 1:
            return f"its {text} has several lines, where one is needed"
    if not _is_amount(getattr(plugin, "work", None)):
        return f"its work is {plugin.work!r}, where the operations an image are needed, or None"
    faults = (_source_fault(name, source) for name, source in weights.items())
    return next((fault for fault in faults if fault), None) or _hints_fault(getattr(plugin, "hints", None))


def _source_fault(name: str, source: Any) -> str | None:
    if not isinstance(name, str) or re.fullmatch(NAME, name) is None:
        return f"the name of its weights {name!r} is not made of letters, digits, points, underscores and hyphens"
    if not isinstance(source, WeightSource):
        return f"its weights {name!r} are a {type(source).__name__}, not a WeightSource"
    if (source.path is None) == (source.url is None):
        return f"its weights {name!r} need either a path or a url"
    if source.url is not None and not source.filename:
        return f"its weights {name!r} have a url but no filename"
    if not _is_amount(source.accuracy) or (source.accuracy or 0) > 1:
        return f"its weights {name!r} have the accuracy {source.accuracy!r}, where a share of 1 is needed, or None"
    for what, (is_right, wanted) in _SOURCE_RULES.items():
        value = getattr(source, what)
        if (value is not None or what in ("trained_on", "licence")) and not is_right(value):
            return f"its weights {name!r} have the {what} {value!r}, where {wanted} is needed"
    return None


def _is_amount(value: Any) -> bool:
    """Whether a value is a finite number above 0, or None."""
    return value is None or (isinstance(value, int | float) and 0 < value < math.inf)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and re.match(r"(https?|ftp)://[^/]|file:/", value) is not None


def _is_file_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[^/\\:\0]+", value) is not None and value not in (".", "..")


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}", value) is not None


_SOURCE_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "trained_on": (_is_text, "a text"),
    "licence": (_is_text, "a text"),
    "path": (lambda value: isinstance(value, Path), "a pathlib.Path"),
    "url": (_is_address, "an address such as https://HOST/FILE"),
    "filename": (_is_file_name, "the name of a file without a folder"),
    "file_hash": (_is_hash, "an MD5 or a SHA-256, of 32 or 64 hexadecimal digits,"),
    "megabytes": (_is_amount, "a number above 0"),
}
"""What each field of a ``WeightSource`` must be where it is given: the process that plans a run takes it as it is."""


def _hints_fault(hints: Any) -> str | None:
    if hints is None:
        return None
    if not isinstance(hints, TrainingHints):
        return f"its hints are of the type {type(hints).__name__}, not TrainingHints"
    depths = [depth for depth in (hints.freeze_middle, hints.freeze_late) if depth is not None]
    if not all(isinstance(depth, int) and depth > 0 for depth in depths) or depths != sorted(depths):
        return f"its hints freeze {' and '.join(map(repr, depths))} cut points, where whole numbers in order are needed"
    rates = [rate for rate in (hints.lr_middle, hints.lr_late, hints.lr_early) if rate is not None]
    if not all(isinstance(rate, int | float) and 0 < rate < math.inf for rate in rates):
        return f"its hints have the learning rates {', '.join(map(repr, rates))}, where numbers above 0 are needed"
    return None


def _describe(plugin: Backbone) -> dict[str, Any]:
    """Build the network and say what it is."""
    from tlsearch import backend
    from tlsearch.backend.graph import output_of

    backend.prepare()
    model = plugin.build(plugin.default_image_size, None)
    hints = getattr(plugin, "hints", None)
    return {
        "default_image_size": plugin.default_image_size,
        "min_image_size": plugin.min_image_size,
        "parameters": model.count_params(),
        "weights": [_weights(plugin.name, name, source) for name, source in plugin.weights.items()],
        "hints": [{"name": n.replace("_", " "), "": v} for n, v in vars(hints).items()] if hints else [],
        "cut_points": [
            {
                "name": cut.name,
                "layer": cut.layer if cut.layer != cut.name else "",
                "shape": list(output_of(model, cut.layer).shape[1:]),
                "stage_end": cut.stage_end,
                **({"leading_tokens": cut.leading_tokens} if cut.leading_tokens else {}),
            }
            for cut in plugin.cut_points(model)
        ],
    }


def _weights(backbone: str, name: str, source: WeightSource) -> dict[str, Any]:
    from tlsearch.plugins.weights import resolve  # with its network libraries, which `plugins list` needs not

    try:
        resolved = resolve(backbone, name, source)
        where = str(resolved.file) if resolved.file else f"not here; `tlsearch weights fetch {backbone}@{name}`"
    except WeightsError as error:
        where = str(error)
    return {"name": name, "trained_on": source.trained_on, "licence": source.licence, "file": where}


KIND = PluginKind(
    name="backbone",
    group=BACKBONE_GROUP,
    contract=Backbone,
    summary="a network that can be cut",
    usage="--backbone {name} --weights {name}=FILE",
    checks="tlsearch.testing.backbone:CHECKS",
    validate=_fault,
    describe=_describe,
    wrap=GuardedBackbone,
    reserved=frozenset({"small_cnn", "all"}),
)
