"""``tlsearch run``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from tlsearch.cli.options import (
    batch_size_option,
    build_config,
    check_destination,
    force_option,
    group_by_option,
    record_options,
    source_options,
)
from tlsearch.cli.paths import Source, UserPath
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.help import Heading, option
from tlsearch.cli.terminal.values import Choice, WholeNumber, as_number
from tlsearch.cli.terminal.workers import worker_options
from tlsearch.config import IMBALANCED_METRIC, USUAL_METRIC, RunConfig
from tlsearch.config_values import RANGES, BaselineChoice, Preference
from tlsearch.utils.signals import interruptible
from tlsearch.utils.units import parse_duration, parse_file_size, parse_latency, parse_size


@click.command(cls=Command, short_help="Search, prove and report: the main job.")
@click.argument("dataset", required=False, metavar="DATASET", type=Source())
@source_options
@group_by_option
@option(
    "--backbone",
    "backbones",
    heading=Heading.TRIED,
    multiple=True,
    metavar="NAME[@WEIGHTS]",
    help="A backbone to try, a pattern such as 'efficientnet*' for several, or all. Repeatable.  [default: a short "
    "list of those whose weights can be had]",
)
@option(
    "--weights",
    heading=Heading.TRIED,
    multiple=True,
    metavar="BACKBONE[@NAME]=FILE",
    help="Weights of your own for a backbone. Repeatable.  [default: those that come with the backbone]",
)
@option(
    "--augment",
    heading=Heading.TRIED,
    multiple=True,
    metavar="NAME",
    help="An augmentation to try; no augmentation is always tried. Repeatable.  "
    "[default: none, and those that take part by default]",
)
@option(
    "--trials",
    heading=Heading.TIME,
    type=WholeNumber(*RANGES["trials"]),
    metavar="N",
    help="The greatest number of trials.  [default: 40]",
)
@option(
    "--time-limit",
    heading=Heading.TIME,
    callback=as_number(parse_duration),
    metavar="TIME",
    help="Time for everything, from scan to report: 90s, 5m, 1h30m, or none.  "
    "[default: 30m, or none where --trials is given]",
)
@option(
    "--epochs",
    heading=Heading.TIME,
    type=WholeNumber(*RANGES["epochs"]),
    metavar="N",
    help="Epochs of every trained trial.  [default: from the number of images]",
)
@batch_size_option
@option(
    "--image-size",
    heading=Heading.IMAGES,
    type=WholeNumber(*RANGES["image_size"]),
    metavar="N",
    help="Side of the square that images are resized to, in pixels.  [default: chosen for each backbone]",
)
@option(
    "--freeze",
    heading=Heading.TRIED,
    metavar="WHICH",
    help="What trained trials freeze of a network: all, the name of a cut point such as block4_pool, or a number "
    "of cut points; `tlsearch plugins show BACKBONE` names them.  [default: the search chooses it]",
)
@option(
    "--metric",
    heading=Heading.TRIED,
    metavar="NAME",
    help="The metric to choose the winner by; `tlsearch plugins list` names those that are installed.  "
    f"[default: {USUAL_METRIC}; {IMBALANCED_METRIC} above an imbalance of 3:1]",
)
@option(
    "--max-latency",
    heading=Heading.USE,
    callback=as_number(parse_latency),
    metavar="TIME",
    help="The most that the model to use may take for one image on one thread of this machine, as an exported float32 "
    "file: 20ms, 0.5s.  [default: no limit]",
)
@option(
    "--max-size",
    heading=Heading.USE,
    callback=as_number(parse_file_size),
    metavar="SIZE",
    help="The most that its exported float32 file may have: 900KB, 10MB.  [default: no limit]",
)
@option(
    "--prefer",
    heading=Heading.USE,
    type=Choice(get_args(Preference)),
    help="Which model to use of those within one standard error of the best: the one with the smallest file, the "
    "fastest, or the one with the best score.  [default: a cheaper or simpler one unless another leads clearly]",
)
@option(
    "--seed",
    heading=Heading.TRIED,
    type=WholeNumber(*RANGES["seed"]),
    metavar="N",
    help="The same seed gives the same trials.  [default: 0]",
)
@option(
    "--output",
    heading=Heading.OUTPUT,
    type=UserPath(),
    metavar="DIR",
    help="Folder for the model and the report. A run that was interrupted there goes on if the rest is as it was.  "
    "[default: tlsearch-runs/<dataset>-<time>]",
)
@record_options
@option(
    "--storage",
    heading=Heading.RECORD,
    metavar="URL",
    help="Where Optuna keeps its study.  [default: study.db in the output folder]",
)
@option(
    "--cache-dir",
    heading=Heading.OUTPUT,
    type=UserPath(),
    metavar="DIR",
    help="Where computed features are kept.  [default: $TLSEARCH_CACHE_DIR, else the user's cache folder]",
)
@option(
    "--cache-limit",
    heading=Heading.OUTPUT,
    callback=as_number(parse_size),
    metavar="SIZE",
    help="Room for computed features: 500MB, 10GB, or 0 to keep none.  [default: 10GB]",
)
@option(
    "--shared-cache",
    heading=Heading.OUTPUT,
    metavar="PLACE",
    help="Where computed features are kept for several machines, too: a folder, or an address such as s3://bucket/cache."
    "  [default: none]",
)
@option(
    "--baseline",
    heading=Heading.TRIED,
    type=Choice(get_args(BaselineChoice)),
    help="Whether to train from scratch for comparison.  [default: auto]",
)
@option(
    "--refit",
    heading=Heading.OUTPUT,
    is_flag=True,
    default=False,
    help="Train the winner once more on training and validation images, into the folder refit.  [default: off]",
)
@option(
    "--early-stop/--no-early-stop",
    heading=Heading.TIME,
    default=None,
    help="Whether the search ends where more trials could gain less than the validation images can show.  "
    "[default: yes, unless --trials is given]",
)
@option(
    "--register",
    heading=Heading.RECORD,
    metavar="NAME",
    help="Register the winner in MLflow's model registry; the alias champion moves to it where its validation score on "
    "the same images is better.  [default: not registered]",
)
@worker_options
@option(
    "--threads",
    heading=Heading.WORKERS,
    type=WholeNumber(*RANGES["threads"]),
    metavar="N",
    help="Threads of a worker. Another number may change the last digits of a score.  "
    "[default: the cores divided by the workers]",
)
@option(
    "--round-size",
    heading=Heading.WORKERS,
    type=WholeNumber(*RANGES["round_size"]),
    metavar="N",
    help="Trials that are asked for before any of them is told. It decides which trials there are.  "
    "[default: 1 with one worker, else 2 for each]",
)
@option(
    "--solve-apart/--no-solve-apart",
    heading=Heading.WORKERS,
    default=None,
    help="Whether workers on nodes without a GPU fit the heads, and those with one do the rest. It may change the last "
    "digits of a score.  [default: yes, where --gpus-per-worker is given and the cluster has both kinds of nodes]",
)
@force_option
@option("--dry-run", is_flag=True, default=False, help="Stop after the plan.  [default: off]")
@option(
    "--config",
    type=UserPath(dir_okay=False),
    metavar="FILE.toml",
    help="Options from a file, such as the run.toml of an earlier run; options on the command line win.  "
    "[default: none]",
)
@click.pass_context
def run(ctx: click.Context, /, config: Path | None, dry_run: bool, **options: Any) -> None:
    """Finds the best way to reuse a pre-trained network for the images in DATASET.

    DATASET holds a folder of images for each class, or folders train, val and test that do; or it is a table that
    names images and their labels. Every trial is recorded in MLflow; the winner is compared on test images with a
    network trained from scratch.
    """
    chosen = build_config(config, options)
    if dry_run:
        show_plan(chosen)
    else:
        start(ctx, chosen)


def show_plan(config: RunConfig) -> None:
    """Print what a run would do."""
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.pipeline.run import plan
    from tlsearch.runs.output import check_output

    check_output(config)

    with ConsoleReporter() as reporter:
        plan(config, reporter)


def start(ctx: click.Context, config: RunConfig) -> None:
    """Run, or go on, and print what was found."""
    check_destination(ctx, config)
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.cli.summary import print_summary
    from tlsearch.pipeline.run import run as find

    with interruptible(program=True), ConsoleReporter() as reporter:
        print_summary(reporter.console, find(config, reporter))
