"""pretrain: a network is trained on a source data set, and its weights are installed for later runs.

scan, prepare, check, split, train, test, install.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tlsearch.callbacks import Callback
from tlsearch.pipeline.context import Data, RunContext, open_run
from tlsearch.pipeline.plan import now
from tlsearch.pipeline.preflight import open_record
from tlsearch.pipeline.pretrain.finish import finish, finished_weights, say_weights
from tlsearch.pipeline.pretrain.prepare import Start, prepare
from tlsearch.pipeline.pretrain.train import plan_training, recorded_training, train
from tlsearch.pipeline.scan import check_and_split, scan
from tlsearch.plugins.trained.record import TrainedWeights
from tlsearch.pretrain_config import PretrainConfig
from tlsearch.reporter import Reporter
from tlsearch.runs import identity
from tlsearch.runs.output import check_output

__all__ = ["pretrain"]


def pretrain(
    config: PretrainConfig, reporter: Reporter | None = None, callbacks: Sequence[Callback] = ()
) -> TrainedWeights:
    """Train a network on ``config.dataset`` and install its weights as ``BACKBONE@NAME``.

    A training that was interrupted is resumed where ``config.output`` holds it, and gives the same weights as one that
    was not. Of one that is finished the provenance is given.

    Args:
        config: What is asked for.
        reporter: Is told lines and progress, as the console is.
        callbacks: Follow the training; each learning rate is a trial to them.

    Returns:
        The provenance of the weights.

    Raises:
        UsageError: The request cannot be met as asked; the kinds of it say whether data, weights, a plugin or the
            record are in the way.
        RunError: The training failed.
        Interrupted: It was interrupted and can be resumed.
    """
    check_output(config)
    if config.output is not None and not config.force and (found := finished_weights(config.output)) is not None:
        if reporter is not None:
            for step, line in say_weights(found):
                reporter.say(step, line)
        return found
    with open_run(config, reporter, callbacks) as context:
        survey = scan(context)
        start = prepare(context, config, survey)
        record = open_record(context)
        data = check_and_split(context, survey, start.image_size)
        _begin_or_resume(context, data, start)
        training = plan_training(context, data, start)
        with record.recording(recorded_training(context, config, data, training), context.checkpoint):
            raced = train(context, data, training)
        return finish(context, config, record, data, training, raced)


def _begin_or_resume(context: RunContext, data: Data, start: Start) -> None:
    """Note with what work begins. Raises ``UsageError`` where the training in this folder began with something else."""
    parts = (data.split.train, data.split.val, data.split.test, data.groups)
    weights = "" if start.weights is None else start.weights.weights_id
    present = identity.Identity(
        images=len(data.index.images),
        fingerprint=data.index.fingerprint,
        split=hashlib.sha256(repr(parts).encode()).hexdigest()[:16],
        plugins=start.plugins.with_settings(start.plugin_versions),
        space=f"{start.label} {weights} {start.image_size} {start.policy}",
    )
    identity.check_unchanged(present, context.checkpoint, context.output)
    context.checkpoint.get_or_compute(("started",), str, now)
