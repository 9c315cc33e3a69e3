"""preflight: everything that can refuse a request, asked before any time is spent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from tlsearch.config import RunConfig
from tlsearch.data.index import Survey
from tlsearch.data.split import FOLDS_BELOW
from tlsearch.errors import PluginError, UsageError
from tlsearch.features.shared import SharedTier
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline.candidates import AvailableCandidate, find_candidates
from tlsearch.pipeline.candidates.short_list import Means
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.scan import starting_size
from tlsearch.plugins.facts import BackboneFacts, PluginFacts
from tlsearch.plugins.load_metric import load_metric
from tlsearch.plugins.registry import unknown_name
from tlsearch.report.drawing import load_matplotlib
from tlsearch.results.schema import LeftOut
from tlsearch.search.space import known_policies
from tlsearch.search.storage import check_storage, study_warning
from tlsearch.tracking.location import URI_VARIABLE, Location, locate
from tlsearch.tracking.outbox import UNSENT_FOLDER
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.store import open_client
from tlsearch.tracking.tracker import Tracker
from tlsearch.utils.cache_folders import features_dir
from tlsearch.utils.machine import usable_cores
from tlsearch.utils.mapped import map_fault
from tlsearch.utils.passwords import with_password
from tlsearch.utils.sqlite_urls import is_missing, moved_with, sqlite_path
from tlsearch.worker.protocol import DescribePlugins, FindWeights

ROLES = ("mild", None, "strong")
"""The order of the augmentations that are used by default; those of one role are in the order of their names."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What a request comes to, once nothing stands in its way.

    Attributes:
        plugins: What the plugins say of themselves.
        policies: The augmentation policies of the search, "none" first.
        candidates: The backbones with weights that take part.
        sizes: The side in pixels from which each of them starts.
        left_out: What does not take part, with the reasons.
    """

    plugins: PluginFacts
    policies: tuple[str, ...]
    candidates: Sequence[AvailableCandidate]
    sizes: Sequence[int]
    left_out: Sequence[LeftOut]


def preflight(context: RunContext, survey: Survey, *, download: bool = True) -> Ready:
    """Find out whether the request can be met: plugins, weights, sizes, the cache folder.

    Without ``download`` no weights are downloaded. Raises ``UsageError`` and its kinds, each with the fix.
    """
    config, worker = context.config, context.worker
    with context.budget.measure("plan"):
        plugins = worker.send(DescribePlugins())
        policies = choose_policies(config, plugins)
        check_metric(config, plugins)
        candidates, left_out = find_candidates(
            config,
            plugins,
            context.callbacks,
            lambda label: worker.send(FindWeights(label=label, cache_dir=config.cache_dir)),
            means=means_of(context, plugins, survey),
            download=download,
        )
        sizes = sizes_of(candidates, survey, config)
        # What the end needs is asked for at the beginning.
        load_matplotlib()
    return Ready(plugins=plugins, policies=policies, candidates=candidates, sizes=sizes, left_out=left_out)


def open_record(context: RunContext) -> MlflowCallback:
    """The record in MLflow, where the first attempt at the run opened it.

    Raises ``UsageError`` where the study cannot be kept, ``TrackingError`` where the record cannot, or where the
    winner could not be registered as asked.
    """
    config, callbacks = context.config, context.callbacks
    with context.budget.measure("plan"):
        if config.storage is not None:
            check_storage(config.storage)
        uri, unsent = with_password(_record_of(context), config.tracking_uri), context.output / UNSENT_FOLDER
        experiment = context.checkpoint.get_or_compute(("experiment",), str, lambda: config.effective_experiment)
        tracker = Tracker.open(uri, experiment, unsent=unsent, warn=callbacks.on_warning)
        if config.register is not None:
            tracker.check_registry(config.register)
        if tracker.warning:
            callbacks.on_warning(tracker.warning)
    record = MlflowCallback(tracker)
    callbacks.add_recorder(record)
    return record


def _record_of(context: RunContext) -> str:
    """The tracking URI: that of the first attempt at the run, or where its database is now.

    Without an option a database lies in the folder where the run was started, which need not be where it is resumed.
    All of it may have been moved since, together with the output folder or to where the run is resumed.
    """
    checkpoint, output = context.checkpoint, context.output
    known: str = checkpoint.get_or_compute(("tracking",), str, lambda: _locate(context.config).uri)
    began: str = checkpoint.get_or_compute(("began in",), str, lambda: str(output))
    moved = moved_with(known, Path(began), output)
    has_folder = not is_missing(moved) or sqlite_path(moved)[0].parent.is_dir()
    return moved if has_folder else _locate(context.config).uri


def check_record(context: RunContext) -> None:
    """Raise ``TrackingError`` where a record could not be opened; opens none."""
    location = _locate(context.config)
    if location.is_server:
        with quiet():
            open_client(location, context.callbacks.on_warning)


def _locate(config: RunConfig) -> Location:
    return locate(config.tracking_uri, record_folder(config))


def record_folder(config: RunConfig) -> Path:
    """Where the record lies, or where the path that was asked for begins: the working directory.

    Where none was asked for it never lies among the images. It then lies beside the output folder.
    """
    here = Path.cwd()
    if config.tracking_uri or os.environ.get(URI_VARIABLE):
        return here
    for data in config.data_folders:
        if here.is_relative_to(data.resolve()):
            return (config.output or data).resolve().parent
    return here


def choose_policies(config: RunConfig, plugins: PluginFacts) -> tuple[str, ...]:
    """The augmentation policies of the search, "none" first. Raises ``PluginError`` for one that is not there."""
    for name in config.augment:
        if name != "none":
            check_installed(plugins, "augmentation", name, ("none",))
    return known_policies(config.augment or _default_policies(plugins))


def check_metric(config: RunConfig, plugins: PluginFacts) -> None:
    """Raise ``PluginError`` where the metric is not there, or cannot be loaded in this process."""
    if config.metric is not None:
        check_installed(plugins, "metric", config.metric)
        load_metric(config.metric)


def check_installed(plugins: PluginFacts, kind: str, name: str, own: tuple[str, ...] = ()) -> None:
    """Raise ``PluginError`` where there is no such plugin; ``own`` are further names that the engine itself has."""
    if name in (known := plugins.of(kind)):
        return
    if (broken := plugins.fault(kind, name)) is not None:
        raise PluginError(f"The {kind} {name!r} of {broken.entry.distribution} cannot be used: {broken.reason}.")
    raise PluginError(unknown_name(kind, name, [*own, *sorted(known)]))


def _default_policies(plugins: PluginFacts) -> list[str]:
    hints = plugins.augmentation_hints
    return sorted((name for name in hints if hints[name].by_default), key=lambda n: (ROLES.index(hints[n].role), n))


def sizes_of(found: Sequence[AvailableCandidate], survey: Survey, config: RunConfig) -> list[int]:
    """The side in pixels from which each candidate starts."""
    return [_size_of(f.backbone, survey, config) for f in found]


def _size_of(backbone: BackboneFacts, survey: Survey, config: RunConfig) -> int:
    few = len(survey.images) < FOLDS_BELOW
    default, smallest = backbone.default_image_size, backbone.min_image_size
    return starting_size(default, smallest, survey.median_short_side, config.image_size, few=few)


def means_of(context: RunContext, plugins: PluginFacts, survey: Survey) -> Means:
    """What there is for a choice among networks."""
    sides = {b.name: _size_of(b, survey, context.config) for b in plugins.backbones}
    return Means(
        images=len(survey.images),
        seconds=context.budget.limit,
        trials=context.config.effective_trials,
        cores=usable_cores(),
        sides=sides,
    )


def check_places(context: RunContext, *, study: bool = True) -> None:
    """Say what the file systems of the folders of a run cannot do, and what is done instead.

    Asked before any work, of the database of the ``study`` too where there is one. Raises ``UsageError`` where a folder
    cannot be used at all.
    """
    config, warn = context.config, context.callbacks.on_warning
    check_cache(config)
    for folder, option in ((features_dir(config.cache_dir), "--cache-dir"), (context.output, "--output")):
        if fault := map_fault(_existing(folder)):
            warn(
                f"{folder} is on a file system that does not map files into memory ({fault}): arrays are read and "
                f"written as a whole, which needs more memory; a folder on a local disk with {option} needs less"
            )
    if study and config.storage is None and (text := study_warning(context.output)):
        warn(text)


def check_cache(config: RunConfig) -> None:
    """Raise ``UsageError`` where a tier of the feature store cannot be written, before any work."""
    folder = features_dir(config.cache_dir)
    try:
        with TemporaryFile(dir=_existing(folder)):
            pass
    except OSError as error:
        raise UsageError(
            f"The cache folder {folder} cannot be written ({error.strerror}): name another one in the environment "
            "variable TLSEARCH_CACHE_DIR, or to a run with --cache-dir."
        ) from error
    if config.shared_cache is not None:
        SharedTier(config.shared_cache).check()


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists: a run that is refused leaves no folder behind."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def prune_shared_cache(config: RunConfig) -> None:
    """Remove what was written first to the shared tier where it holds more than the limit: no worker does it."""
    if config.shared_cache is not None:
        SharedTier(config.shared_cache).prune(config.cache_limit)
