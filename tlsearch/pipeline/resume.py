"""Taking up a run that was interrupted: only where it would find what it left."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from tlsearch.errors import UsageError
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan


@dataclass(frozen=True)
class Identity:
    """What must not change between two attempts at a run: the images by their contents and how they are divided, the
    plugins with their versions, and the search space."""

    images: int
    fingerprint: str
    split: str
    plugins: Mapping[str, str]
    space: str


def check_unchanged(context: RunContext, plan: Plan) -> None:
    """Raise ``UsageError`` where the run in this folder began with something else, naming what has changed."""
    now = _identity(context, plan)
    then: Identity = context.checkpoint.get_or_compute(("identity",), Identity, lambda: now)
    changed = _changes(then, now)
    if changed:
        raise UsageError(
            f"The run in {context.output} cannot go on, for {' and '.join(changed)} since it began: undo that, or "
            "`tlsearch run` anew, with another --output, or with --force in this folder."
        )


def _identity(context: RunContext, plan: Plan) -> Identity:
    data = context.data
    parts = (data.split.train, data.split.val, data.split.test, data.groups)
    candidates = plan.space.candidates
    names = [c.backbone for c in candidates] + [f"{c.backbone}@{c.weights}" for c in candidates]
    return Identity(
        len(data.index.images),
        data.index.fingerprint,
        hashlib.sha256(repr(parts).encode()).hexdigest()[:16],
        context.plugin_versions((*names, *plan.space.policies)),
        plan.space.digest,
    )


def _changes(then: Identity, now: Identity) -> list[str]:
    """Clauses that say what is different, the cause before what follows from it."""
    changed = []
    if now.fingerprint != then.fingerprint:
        count = f" ({then.images:,} images then, {now.images:,} now)" if now.images != then.images else ""
        changed.append(f"the images have changed{count}")
    elif now.split != then.split:
        changed.append("the images are divided differently")
    for name in sorted({*then.plugins, *now.plugins}):
        before, after = then.plugins.get(name, "not there"), now.plugins.get(name, "not there")
        if before != after:
            changed.append(f"the plugin {name} was {before} and is {after}")
    if not changed and now.space != then.space:
        changed.append("the search space has changed")
    return changed
