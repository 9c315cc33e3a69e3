"""What must not change between two attempts at a run: otherwise it would not find what it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tlsearch.errors import UsageError
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.utils.texts import some


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a run works with.

    Attributes:
        images: The number of images.
        fingerprint: That of their contents.
        split: A digest of how they are divided.
        plugins: "distribution version" of every plugin that takes part, by name, with its settings where it has any.
        space: A digest of the search space.
        sources: A hash of the source of every plugin that takes part, by name. One that is edited where it lies keeps
            its version.
    """

    images: int
    fingerprint: str
    split: str
    plugins: Mapping[str, str]
    space: str
    sources: Mapping[str, str] = field(default_factory=dict)


def check_unchanged(now: Identity, checkpoint: Checkpoint, output: Path) -> None:
    """Raise ``UsageError`` where the run in ``output`` began with something else, naming what has changed."""
    then: Identity = checkpoint.get_or_compute(("identity",), Identity, lambda: now)
    changed = _changes(then, now)
    if changed:
        raise UsageError(
            f"The run in {output} cannot be resumed, for {' and '.join(changed)} since it began: undo that, or "
            "`tlsearch run` anew, with another --output, or with --force in this folder."
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
    if not changed and (edited := [n for n in then.sources if now.sources.get(n, then.sources[n]) != then.sources[n]]):
        changed.append(f"the code of the plugin{'s' if len(edited) > 1 else ''} {some(sorted(edited))} has changed")
    if not changed and now.space != then.space:
        changed.append("the search space has changed")
    return changed
