"""Taking up a run that was broken off: only where it would find what it left."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from tlsearch.errors import UsageError
from tlsearch.search.plan import Plan
from tlsearch.search.session import Session


@dataclass(frozen=True)
class Identity:
    """What must not change between two lives of a run: the images by their contents and how they are divided, the
    plugins with their versions, and the search space."""

    images: int
    fingerprint: str
    split: str
    plugins: Mapping[str, str]
    space: str


def check_unchanged(session: Session, plan: Plan) -> None:
    """Raise ``UsageError`` where the run in this folder began with something else, naming what has changed."""
    now = _identity(session, plan)
    then: Identity = session.journal.once(("identity",), Identity, lambda: now)
    changed = _changes(then, now)
    if changed:
        raise UsageError(
            f"The run in {session.output} cannot go on, for {' and '.join(changed)} since it began: undo that, or "
            "`tlsearch run` anew, with another --output, or with --force in this folder."
        )


def _identity(session: Session, plan: Plan) -> Identity:
    data = session.data
    parts = (data.split.train, data.split.val, data.split.test, data.groups)
    candidates = plan.space.candidates
    names = [c.backbone for c in candidates] + [f"{c.backbone}@{c.weights}" for c in candidates]
    return Identity(
        len(data.index.images),
        data.index.fingerprint,
        hashlib.sha256(repr(parts).encode()).hexdigest()[:16],
        session.plugin_versions((*names, *plan.space.policies)),
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
