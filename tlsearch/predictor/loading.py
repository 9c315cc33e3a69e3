"""Model folders: checked, then loaded."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tlsearch import backend as runtime
from tlsearch.config_values import check_max_pixels
from tlsearch.data.images.rgb import Decoding
from tlsearch.errors import PluginError
from tlsearch.models.temperature import Temperature
from tlsearch.plugins import registry
from tlsearch.plugins.api import Backbone
from tlsearch.plugins.kinds import kind_named
from tlsearch.predictor.folder import CONFIG_FILE, LABELS_FILE, MODEL_FILE, ModelError, read_config, read_json
from tlsearch.predictor.network import require_unforked
from tlsearch.predictor.predictor import Predictor
from tlsearch.predictor.versions import other_versions, versions_here
from tlsearch.uncertainty.inner_features import require_layers
from tlsearch.uncertainty.prediction_sets import ConformalScores
from tlsearch.uncertainty.reference import REFERENCE_FILE, TrainingReference
from tlsearch.utils.addresses import expand_home
from tlsearch.utils.texts import first_line

LARGEST_SIDE = 8192
"""Pixels; a file that says more is damaged."""


def load(model_dir: Path | str, max_pixels: int | None = None) -> Predictor:
    """The predictor of a model folder.

    ``max_pixels`` is the most pixels that a picture may have. None does as the run that made the model: pictures that
    need more than 2 GB of memory are refused where it had no such limit. Imports Keras.

    Raises ``UsageError`` where ``max_pixels`` is out of its range, and in a process that was forked from one that has
    loaded a model. Raises ``ModelError`` where the folder does not hold
    a model as a run writes it. The file is loaded in Keras' safe mode: it cannot bring code of its own.
    """
    require_unforked()
    check_max_pixels(max_pixels)
    folder = expand_home(Path(model_dir))
    if not (folder / MODEL_FILE).is_file():
        inner = folder / "model"
        fix = f"did you mean {inner}?" if (inner / MODEL_FILE).is_file() else "name the model folder of a run."
        raise ModelError(f"{folder} holds no {MODEL_FILE}: {fix}")
    labels = read_json(folder / LABELS_FILE)
    if not isinstance(labels, list) or not labels or not all(isinstance(name, str) for name in labels):
        raise ModelError(f"{folder / LABELS_FILE} is not a list of class names: take it from the run again.")
    config = read_config(folder)
    sizes = [config.get("image_size"), config.get("decode_size", 1)]
    if not all(type(size) is int and 1 <= size <= LARGEST_SIDE for size in sizes):
        raise ModelError(
            f"{folder / CONFIG_FILE} does not say image_size and decode_size, from 1 to {LARGEST_SIDE} pixels: take it "
            "from the run again."
        )
    try:
        Decoding.of(config)
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"{folder / CONFIG_FILE} does not say how images are decoded ({error}): take it from the run again."
        ) from error
    try:
        Temperature.of(config)
    except ValueError as error:
        raise ModelError(
            f"{folder / CONFIG_FILE} does not say how to calibrate ({error}); take it from the run again."
        ) from error
    try:
        ConformalScores.of(config)
    except ValueError as error:
        raise ModelError(
            f"{folder / CONFIG_FILE} does not say how to make prediction sets ({error}): take it from the run again."
        ) from error
    try:
        TrainingReference.load(folder)
    except ValueError as error:
        raise ModelError(
            f"{folder / REFERENCE_FILE} is damaged ({error}): take it from the run again, or remove it."
        ) from error
    config = config if max_pixels is None else {**config, "max_pixels": max_pixels}
    predictor = Predictor(_load_model(folder / MODEL_FILE, config), labels, config, folder)
    side = predictor.image_size
    shapes = tuple(predictor.model.input_shape), tuple(predictor.model.output_shape)
    if shapes != ((None, side, side, 3), (None, len(labels))):
        raise ModelError(
            f"{folder / MODEL_FILE} maps {shapes[0]} to {shapes[1]}, which does not fit the {len(labels)} "
            f"labels and the image size {side} beside it: take the whole folder from one run."
        )
    _require_own_reference(predictor)
    return predictor


def _require_own_reference(predictor: Predictor) -> None:
    """Raise ``ModelError`` where the reference images beside a model are those of another one."""
    reference = predictor.reference
    if reference is None:
        return
    try:
        require_layers(predictor.model, reference.layers)
        if len(reference.predicted) != len(predictor.labels):
            raise ValueError(f"it knows {len(reference.predicted)} classes, and the model {len(predictor.labels)}")
    except ValueError as error:
        raise ModelError(
            f"{predictor.folder / REFERENCE_FILE} is not of this model ({error}): take it from the run again, or "
            "remove it."
        ) from error


def _load_model(path: Path, config: Mapping[str, Any]) -> Any:
    runtime.prepare()
    backbone = config.get("backbone")
    try:
        return _read_model(path, _of_another_package(backbone), config["image_size"])
    except Exception as error:  # Keras raises many kinds for a file that is broken, unsafe or of another version
        other = other_versions(config, versions_here())
        installed = {entry.name for entry in registry.find_plugins("backbone")} | kind_named("backbone").reserved
        is_whole = zipfile.is_zipfile(path)  # Keras says of another one that it is not there
        if is_whole and isinstance(backbone, str) and backbone not in installed:
            raise ModelError(
                f"{path} cannot be loaded: it may need layers of its backbone {backbone!r}, which is not installed "
                f"here: install the package that brings it{f'; {other}' if other else ''}."
            ) from error
        damaged = "it is damaged: it was not copied to its end, or is another kind of file"
        reason, what = first_line(error) if is_whole else damaged, other or "take it from the run again"
        raise ModelError(f"{path} cannot be loaded ({reason}): {what}.") from error


def _of_another_package(backbone: Any) -> Backbone | None:
    """The backbone, whose package may bring layers of its own: Keras knows them once it is imported. None of others."""
    if any(entry.name == backbone and entry.distribution != "tlsearch" for entry in registry.find_plugins("backbone")):
        with suppress(PluginError):
            plugin: Backbone = registry.load_plugin("backbone", str(backbone))
            return plugin
    return None


def _read_model(path: Path, plugin: Backbone | None, side: int) -> Any:
    import keras

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except TypeError as error:
        if plugin is None or "ould not locate" not in str(error):
            raise
    with suppress(Exception):  # a plugin may import its layers when it builds its network; Keras says what is missing
        plugin.build(side, None)
    return keras.saving.load_model(path, compile=False, safe_mode=True)
