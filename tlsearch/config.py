"""RunConfig: everything that a run was asked for, frozen and validated."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

from tlsearch.config_file import read_config
from tlsearch.config_places import BESIDE, found_place
from tlsearch.config_values import (
    CLUSTER,
    LISTS,
    NAME,
    RANGES,
    TWO_WAY,
    BaselineChoice,
    LayoutChoice,
    LookAlikes,
    Preference,
    Resize,
    WorkersChoice,
    bad,
    check_choice,
    check_cluster,
    check_latency,
    check_login,
    check_register,
    check_time_limit,
    check_whole,
    check_workers,
    compile_group_by,
    in_numbers,
    is_dataset,
    names,
    option,
    to_plain,
)
from tlsearch.errors import UsageError
from tlsearch.utils.addresses import expand_home, is_address, source_name
from tlsearch.utils.files import write_atomically
from tlsearch.utils.texts import is_utf8

USUAL_METRIC = "accuracy"
"""The metric of a run for which none was asked."""

IMBALANCED_METRIC = "balanced_accuracy"
"""The metric of such a run where classes are imbalanced."""

DEFAULT_TRIALS = 40
DEFAULT_TIME_LIMIT = 1800.0
CONFIG_NAME = "run.toml"
"""The file in the output folder that holds a run's configuration."""

_PLACES = ("dataset", *BESIDE)
_PATHS = (*_PLACES, "output", "cache_dir")
_COLUMNS = ("image_column", "label_column", "split_column", "group_column", "weight_column")
# What holds for one command only, and what an interrupted run keeps where it is not asked for again.
_ONE_TIME = ("output", "force", "workers", "memory", "shared_cache", *CLUSTER)
_KEPT = ("threads", "round_size", "solve_apart")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What a run was asked for. Every field but ``dataset`` has the default of the command line.

    Durations, sizes and counts may be texts, as there: ``time_limit="5m"``, ``memory="8GB"``.
    ``dataset`` is a folder, a file, an address such as ``s3://bucket/pets``, or images in memory: ``(images, labels)``
    or a ``tf.data.Dataset``, which a run writes into the cache folder. ``~`` is the home folder in every path.
    ``backbones`` are ``NAME`` or ``NAME@WEIGHTS``; ``weights`` are ``BACKBONE[@NAME]=FILE``. ``freeze`` says what
    trained trials freeze: "all", a number of cut points, or the name of one; None leaves it to the search.
    ``trials`` None means 40. ``time_limit`` is in seconds: None means that none was asked for, which is 1800, or no
    limit where ``trials`` was given, so that two such runs do the same; ``math.inf`` ("none") asks for no limit.
    ``effective_trials`` and ``effective_time_limit`` apply these rules. ``train``, ``val`` and ``test`` are folders
    that hold a folder of images for each class, below ``dataset`` or from the working directory; ``layout`` says
    how the folders of ``dataset`` are read, and ``exclude`` which take no part. Where ``dataset`` is a table,
    ``images`` is the folder that its paths start from, and ``image_column``, ``label_column``, ``split_column``,
    ``group_column`` and ``weight_column`` name its columns where they are not told by themselves. ``group_by`` is a
    regular expression that finds, in the path of a file, the name of the group that must stay together.
    ``look_alikes`` says what else is kept together: pictures that look alike, but for classes in which most do,
    exact copies only, or nothing. ``image_size`` (pixels, 32 to 1024) None lets each candidate choose; ``resize``
    says how pictures become squares: squashed, padded or cropped; ``auto`` squashes them, and compares the three
    where they are far from square. ``max_pixels`` is the most that an image may have; None refuses those that need
    more than 2 GB of memory. ``drop_small_classes`` leaves out classes that are too small to be divided. ``metric``
    is the name of an installed metric; None is accuracy, or balanced accuracy where classes are imbalanced.
    ``cache_limit`` is in bytes, and 0 stores nothing. ``shared_cache`` is a folder or an address that several machines
    share, behind the cache folder of each. ``register`` is the name of the winner in MLflow's registry. ``workers``
    processes run trials side by side, each with ``threads`` (None: its share of the cores), which hold at most
    ``memory`` bytes together (None: four fifths of the machine's); ``round_size`` trials are asked for at once (None:
    two for each of several workers, else one). ``cluster`` is the address of a Ray cluster whose nodes run the workers,
    each with ``cpus_per_worker`` (None: 1) and ``gpus_per_worker``; with ``solve_apart`` those on nodes without a GPU
    fit heads, and the others do the rest (None: where the cluster has both). ``force`` sets aside an earlier run.
    ``early_stop`` ends a search where more trials gain too little (None: without trials). ``max_latency`` (seconds an
    image, one thread) and ``max_size`` (bytes) limit the exported float32 file of the model to use, and ``prefer`` says
    which it is to be of those that are as good: the small, fast or accurate one. Raises: UsageError: a value is out of
    its range; the sentence names the option, the value and the range.
    """

    dataset: Path | str | Iterable[Any]
    train: Path | None = None
    val: Path | None = None
    test: Path | None = None
    layout: LayoutChoice = "auto"
    exclude: tuple[str, ...] = ()
    images: Path | None = None
    image_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    group_column: str | None = None
    weight_column: str | None = None
    group_by: str | None = None
    look_alikes: LookAlikes = "auto"
    backbones: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    augment: tuple[str, ...] = ()
    freeze: str | None = None
    trials: int | None = None
    time_limit: float | None = None
    epochs: int | None = None
    batch_size: int = 32
    image_size: int | None = None
    resize: Resize = "auto"
    max_pixels: int | None = None
    drop_small_classes: bool = False
    metric: str | None = None
    seed: int = 0
    output: Path | None = None
    experiment: str | None = None
    tracking_uri: str | None = None
    storage: str | None = None
    cache_dir: Path | None = None
    cache_limit: int = 10_000_000_000
    shared_cache: str | None = None
    baseline: BaselineChoice = "auto"
    refit: bool = False
    register: str | None = None
    workers: WorkersChoice = "auto"
    threads: int | None = None
    round_size: int | None = None
    memory: int | None = None
    cluster: str | None = None
    cpus_per_worker: int | None = None
    gpus_per_worker: float | None = None
    solve_apart: bool | None = None
    force: bool = False
    early_stop: bool | None = None
    max_latency: float | None = None
    max_size: int | None = None
    prefer: Preference | None = None
    file_name: ClassVar[str] = CONFIG_NAME

    def __post_init__(self) -> None:
        for name, value in in_numbers(vars(self)).items():
            object.__setattr__(self, name, value)
        for name in _PATHS:
            value = getattr(self, name)
            if isinstance(value, str) and not value.strip():
                raise bad(name, value, "a path that is not empty, such as . for the working directory")
            if isinstance(value, str | Path) and not is_address(value):
                object.__setattr__(self, name, expand_home(Path(value)))
        for name in LISTS:
            object.__setattr__(self, name, names(name, getattr(self, name)))
        self._validate()

    def _validate(self) -> None:
        if not is_dataset(self.dataset):
            known = isinstance(self.dataset, str | int | float | Path | None)
            wanted = "a path in UTF-8, an address, (images, labels) or a tf.data.Dataset"
            raise bad("dataset", self.dataset if known else type(self.dataset), wanted)
        for name in _PATHS[1:]:
            value = getattr(self, name)
            if value is not None and not (isinstance(value, Path) and is_utf8(str(value))):
                raise bad(name, value, "a path in UTF-8")
        for name in ("experiment", "tracking_uri", "storage", "shared_cache", "freeze", *_COLUMNS):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value.strip() or not is_utf8(value)):
                raise bad(name, value, "a text in UTF-8 that is not empty")
        for name in ("tracking_uri", "storage"):
            check_login(name, getattr(self, name))
        check_register(self.register)
        if self.group_by is not None:
            compile_group_by(self.group_by)
        for name, (low, high) in RANGES.items():
            check_whole(name, getattr(self, name), low, high, optional=getattr(type(self), name) is None)
        choices = {"look_alikes": LookAlikes, "resize": Resize, "layout": LayoutChoice, "baseline": BaselineChoice}
        for name, kind in choices.items():
            check_choice(name, getattr(self, name), get_args(kind))
        if self.metric is not None and (not isinstance(self.metric, str) or not re.fullmatch(NAME, self.metric)):
            raise bad("metric", self.metric, "the name of an installed metric")
        check_workers(self.workers)
        for name in ("drop_small_classes", "refit", "force", *TWO_WAY):
            value = getattr(self, name)
            if not isinstance(value, bool) and not (value is None and name in TWO_WAY):
                raise bad(name, value, "true or false")
        check_cluster(self.cluster, self.cpus_per_worker, self.gpus_per_worker)
        check_time_limit(self.time_limit)
        check_latency(self.max_latency)
        check_choice("prefer", self.prefer, (*get_args(Preference), None))

    @property
    def columns(self) -> dict[str, str]:
        """The columns of a table that are named, by role: image, label, split, group, weight."""
        named = {name.removesuffix("_column"): getattr(self, name) for name in _COLUMNS}
        return {role: column for role, column in named.items() if column is not None}

    @property
    def source(self) -> Path | str:
        """The data set as a path or an address. Raises ``UsageError`` where it is in memory."""
        if isinstance(self.dataset, Path | str):
            return self.dataset
        raise UsageError("The images are in memory: only tlsearch.run and tlsearch.plan take them so.")

    @property
    def data_folders(self) -> tuple[Path, ...]:
        """The folders and files that the user names for images, where they lie."""
        named = (self.dataset, *(found_place(name, getattr(self, name), self.dataset) for name in BESIDE))
        return tuple(path for path in named if isinstance(path, Path))

    @property
    def effective_trials(self) -> int:
        """The greatest number of trials: what was asked for, else 40."""
        return DEFAULT_TRIALS if self.trials is None else self.trials

    @property
    def effective_time_limit(self) -> float | None:
        """Seconds from scan to report, None without a limit.

        What was asked for, else 1800, but no limit where only ``trials`` was given.
        """
        if self.time_limit is None:
            return DEFAULT_TIME_LIMIT if self.trials is None else None
        return None if math.isinf(self.time_limit) else float(self.time_limit)

    @property
    def effective_experiment(self) -> str:
        """The name of the MLflow experiment: what was asked for, else the name of the data set."""
        return self.experiment or source_name(self.source) or "tlsearch"

    @classmethod
    def from_toml(cls, path: Path, **changes: Any) -> Self:
        """The configuration in the file at ``path``, with ``changes`` to its fields.

        Raises:
            UsageError: the file cannot be read, is not TOML, has an unknown key or a bad value, or names no
                data set and ``changes`` name none either.
        """
        values = {**read_config(path, cls), **changes}
        if "dataset" not in values:
            raise UsageError(f"{path} names no data set: add the line dataset = 'FOLDER' to it.")
        return cls(**values)

    def to_toml(self, path: Path) -> None:
        """Writes the file that ``from_toml`` reads.

        Paths in it are absolute; what is at its default is left out.
        """
        import tomli_w

        values: dict[str, Any] = {}
        for f in fields(self):
            value = self.source if f.name == "dataset" else getattr(self, f.name)
            if value != f.default and f.name != "force":
                values[f.name] = self._plain(f.name)
        write_atomically(path, tomli_w.dumps(values))

    def _plain(self, name: str) -> Any:
        """A field as TOML has it; None stays. A folder that the user has named is where it is found."""
        value = getattr(self, name)
        if name in BESIDE and value is not None:
            return str(value) if (place := found_place(name, value, self.dataset)) is None else to_plain(name, place)
        return None if value is None else to_plain(name, value)

    def differences(self, other: RunConfig, *, moved: bool = False) -> list[str]:
        """The options of ``other`` that are not those of this configuration, as they are typed.

        Those that name the output folder or hold for one time only do not count, nor, where the images may have
        ``moved``, those that say where they are.
        """
        found = []
        for f in fields(self):
            mine, theirs = self._plain(f.name), other._plain(f.name)
            other_place = moved and f.name in _PLACES and None not in (mine, theirs)
            allowed = other_place or f.name in _ONE_TIME or (mine is None and f.name in _KEPT)
            if mine != theirs and not allowed:
                found.append(_typed(f.name, "left out" if getattr(other, f.name) == f.default else theirs))
        return found

    def with_output(self, output: Path) -> Self:
        """The same configuration with another output folder."""
        return replace(self, output=output)


def _typed(name: str, value: Any) -> str:
    """A field with its value as it is typed: ``--trials 40``, ``--refit``, ``--no-early-stop``."""
    if isinstance(value, bool):
        return option(name) if value else option(f"no_{name}")
    return f"{option(name)} {value}"
