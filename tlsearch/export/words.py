"""Proofs in words and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tlsearch.export.proof import Proof
from tlsearch.export.speed import Timing

HEADINGS = ("file", "proof", "equal answers", "largest difference", "accuracy lost", "MB", "ms an image")


def proof_row(proof: Proof) -> tuple[str, ...]:
    """Give the cells of one file, below ``HEADINGS``."""
    found = proof.comparison
    low, high = (-100 * bound for bound in reversed(found.ci95))
    proven = "proven" if proof.proven else "accepted" if proof.accepted else "NOT PROVEN"
    return (
        proof.file,
        proven,
        f"{100 * found.equal_answers:.1f} % of {found.images:,}",
        f"{found.largest_difference:.1e}",
        f"{-100 * found.difference + 0.0:+.2f} points [{low:+.2f} {high:+.2f}]",
        f"{proof.megabytes:.1f}",
        f"{alone(proof.timings).ms_per_image:.1f}",
    )


def proof_table(proofs: Sequence[Proof]) -> Iterator[str]:
    """Give the lines of a table in Markdown, and what was compared and timed."""
    yield f"| {' | '.join(HEADINGS)} |"
    yield f"|{'---|' * len(HEADINGS)}"
    for proof in proofs:
        yield f"| {' | '.join(proof_row(proof))} |"
    yield ""
    yield f"{comparison_line(proofs[0])} {timing_line(proofs[0])}"


def comparison_line(proof: Proof) -> str:
    """Say which images were compared."""
    seen = ", on which the model was trained: both accuracies are optimistic" if proof.seen else ""
    return f"Compared on {proof.source}{seen}."


def timing_line(proof: Proof) -> str:
    """Say what the milliseconds are."""
    return f"Times are those of one image alone, with one thread where the runtime takes a number, on {proof.machine}."


def alone(timings: Sequence[Timing]) -> Timing:
    """Give the time of one image alone with the fewest threads that were measured."""
    return min((timing for timing in timings if timing.batch == 1), key=lambda timing: timing.threads or 0)


def proof_sentences(proof: Proof) -> Iterator[str]:
    """Say what is in the proof of one file, and why it holds or does not."""
    yield proof.reason
    if proof.distance is not None and proof.distance.holds:
        yield (
            f"No distance from the training images differs by more than {proof.distance.largest_difference:.1e}; of "
            f"{100 * proof.distance.equal_answers:.1f} % of the images both say alike whether they are unlike them."
        )
    threads = dict.fromkeys(timing.threads for timing in proof.timings)
    yield f"Milliseconds an image in {proof.runtime}: {'; '.join(_times(proof.timings, count) for count in threads)}."


def _times(timings: Sequence[Timing], threads: int | None) -> str:
    """``1 thread 20.2 alone, 16.9 in batches of 32``."""
    count = "all threads" if threads is None else "1 thread" if threads == 1 else f"{threads} threads"
    found = [timing for timing in timings if timing.threads == threads]
    how = ["alone" if timing.batch == 1 else f"in batches of {timing.batch}" for timing in found]
    return f"{count} " + ", ".join(f"{timing.ms_per_image:.1f} {each}" for timing, each in zip(found, how, strict=True))
