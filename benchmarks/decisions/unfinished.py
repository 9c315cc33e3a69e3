"""What may be claimed against a network from scratch that was stopped before the end of its schedule?

    python -m benchmarks.decisions.unfinished

A simulation of learning curves whose end is known. A network from scratch is trained with a complete schedule
of its own that ends after 8 to 45 epochs, and the whole one has 60. At the end of the whole one it would be as good as
the winner, or 10, 20 or 40 points behind. The winner has .88. Both are tested on the same new images (15 for
every 85 of the pool; images as in ``selection_bias``).

As in a run, its learning rate rises for a tenth of its schedule and then falls. A network learns as far as the sum of
its learning rates has gone. Its score follows one of these curves of that:
exponentials that learn fast and slowly, two powers, one that begins to learn late, and one that learns in two phases.
The rule was made from these. Others were made to deceive it: a jump after a third of the whole schedule, with a little
learned before; two steps with a plateau between them; a logarithm, which never comes to an end; a curve with noise, and
one that shows what it has learned only when the learning rate has fallen.

A claim that pre-training helped is false where the network would be as good at its end. Three rules are compared:

- *whatever it has learned*: a gain is claimed where it is shown on test;
- *outlasts the line*: and only where it would still be shown if the score rose along a straight line through the last
  two thirds of its curve, the errors of both counted (the rule that tlsearch had);
- *begun, outlasts a doubling*: only where a third of the schedule is over and the network has learned enough for its
  curve to tell the rest, and where the gain would still be shown if every doubling of the training brought a tenth
  more than the last one (``stats.trend``).

One that came to the end of the whole schedule may learn still. There a claim is false where the network would be as
good with twice the training, and the last rule asks whether the gain outlasts that where its curve rises clearly.

The exit code is 1 where the last rule makes more false claims than 5 in 100, two standard errors granted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from benchmarks.decisions.selection_bias import SHARES, Row
from tlsearch.report.text import SIGNIFICANT
from tlsearch.stats.claims import Difference, compare
from tlsearch.stats.trend import AGAIN, Rise, extrapolate, has_begun
from tlsearch.training.schedule import amount_trained, warm_up_cosine

BENCHMARK = "decisions.unfinished"

Floats = npt.NDArray[np.float64]
Right = npt.NDArray[np.intp]

WHOLE = 60
PARTS = 100
"""Steps of an epoch, where its learning rate matters."""
GUESSING, WINNER = 0.1, 0.88


@dataclass(frozen=True)
class Curve:
    """How a network learns.

    Attributes:
        learned: How much is learned after so many epochs at the highest learning rate; where it ends is no matter.
        noise: By how much the true score of an epoch varies while the learning rate is at its highest.
        hidden: The share of what is learned that does not show while the learning rate is at its highest.
    """

    learned: Callable[[Floats], Floats]
    noise: float = 0.0
    hidden: float = 0.0


def _step(passed: Floats, at: float, width: float) -> Floats:
    return np.asarray(expit((passed - at) / width) - expit(-at / width), np.float64)


CURVES: Mapping[str, Curve] = {
    "fast exponential": Curve(lambda p: 1 - np.exp(-p / 3)),
    "exponential": Curve(lambda p: 1 - np.exp(-p / 6)),
    "slow exponential": Curve(lambda p: 1 - np.exp(-p / 12)),
    "power": Curve(lambda p: 1 - 1 / (1 + p / 2)),
    "slow power": Curve(lambda p: 1 - (1 + p) ** -0.5),
    "late": Curve(lambda p: _step(p, 6, 2)),
    "two phases": Curve(lambda p: 1 - 0.5 * np.exp(-p / 1.5) - 0.5 * np.exp(-p / 12)),
}
"""What the rules were made from."""

OTHERS: Mapping[str, Curve] = {
    "late jump": Curve(lambda p: 0.2 * (1 - np.exp(-p)) + 0.8 * _step(p, 10, 1)),
    "two plateaus": Curve(lambda p: 0.5 * _step(p, 1.5, 0.4) + 0.5 * _step(p, 8, 1)),
    "logarithm": Curve(lambda p: np.log1p(2 * p)),
    "stretched exponential": Curve(lambda p: 1 - np.exp(-np.sqrt(p / 8))),
    "noisy": Curve(lambda p: 1 - np.exp(-p / 6), noise=0.06),
    "hidden by the learning rate": Curve(lambda p: 1 - np.exp(-p / 6), hidden=0.3),
}
"""What they were tried on: made to deceive them."""

ALL: Mapping[str, Curve] = {**CURVES, **OTHERS}

STOPPED = (8, 10, 15, 20, 30, 45)
ENDED = (*STOPPED, WHOLE)
BEHIND = (0.0, 0.1, 0.2, 0.4)
SIZES = {48: 42, 340: 400}
"""Validation images, and test images beside them."""

MOST_FALSE = 0.05


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print; 1 where there are too many false claims."""
    parser = make_parser(__doc__)
    parser.add_argument("--simulations", type=int, default=100, help="networks of each kind (default 100)")
    options = parse_options(parser, arguments, {"simulations": 3})
    rows = [
        row
        for val in SIZES
        for behind in BEHIND
        for stopped in ENDED
        for row in simulate(val, behind, stopped, options.simulations, options.seed)
    ]
    print_rows("Share of networks from scratch over which a gain is claimed", rows)
    publish(BENCHMARK, options, {"rows": rows})
    found = too_many(rows)
    for text in found:
        say(f"too many false claims: {text}")
    return 1 if found and not options.quick else 0


def simulate(val: int, behind: float, stopped: int, simulations: int, seed: int) -> list[Row]:
    """A row for every curve: the share of networks over which each rule claims a gain."""
    say(f"unfinished: {val} validation images, {100 * behind:.0f} points behind, stopped after {stopped} epochs")
    rows: list[Row] = []
    for number, (name, curve) in enumerate(ALL.items()):
        claims: dict[str, list[bool]] = {rule: [] for rule in RULES}
        scores = scores_of(curve, WINNER - behind, stopped, WHOLE if stopped < WHOLE else round(AGAIN * WHOLE))
        for simulation in range(simulations):
            rng = np.random.default_rng([seed, val, round(100 * behind), stopped, number, simulation])
            drawn = with_noise(scores, curve, rng)
            validated = right(rng.standard_normal(val), drawn, rng).mean(axis=1)
            tested = _tested(drawn[-1], SIZES[val], rng)
            for rule, claimed in RULES.items():
                claims[rule].append(_is_shown(tested.over) and claimed(tested, validated))
        shares = {rule: round(float(np.mean(found)), 3) for rule, found in claims.items()}
        facts: Row = {"validation images": val, "points behind": round(100 * behind), "epochs": stopped, "curve": name}
        rows.append({**facts, **shares, "simulations": simulations})
    return rows


def rates(stopped: int) -> Floats:
    """The learning rate at the end of each epoch (stopped,) of a schedule, as a share of the highest."""
    return np.asarray([warm_up_cosine(PARTS * epoch, PARTS * stopped) for epoch in range(1, stopped + 1)], np.float64)


def scores_of(curve: Curve, end: float, stopped: int, until: int = WHOLE) -> Floats:
    """The true score after each epoch (stopped,) of a schedule; one of ``until`` epochs would end at ``end``."""
    trained = np.asarray(amount_trained(range(1, stopped + 1), stopped), np.float64)
    whole = float(curve.learned(np.asarray([until / 2]))[0])
    shown = curve.learned(trained) / whole * (1 - curve.hidden * rates(stopped))
    return np.asarray(GUESSING + (end - GUESSING) * shown, np.float64)


def with_noise(scores: Floats, curve: Curve, rng: np.random.Generator) -> Floats:
    """The same with noise that falls with the learning rate, so that the end is as it is."""
    if not curve.noise:
        return scores
    noise = curve.noise * rates(len(scores)) * rng.standard_normal(len(scores))
    return np.asarray(np.clip(scores + noise, 0.01, 0.99), np.float64)


def right(images: Floats, scores: Floats, rng: np.random.Generator) -> Right:
    """Which images, by how hard each is, (n,), a network has right after each epoch: (epochs, n), as 1 and 0."""
    shares = {name: np.sqrt(share) for name, share in SHARES.items()}
    own = rng.standard_normal((2, len(images)))
    hard = shares["image"] * images + shares["configuration"] * own[0] + shares["run"] * own[1]
    hard = hard + shares["epoch"] * rng.standard_normal((len(scores), len(images)))
    return np.asarray(hard < ndtri(scores)[:, None], np.intp)


@dataclass(frozen=True)
class _Tested:
    """What test says of a network from scratch.

    ``over`` is the winner's gain over it, and ``learned`` its score above guessing.
    """

    over: Difference
    learned: float


def _tested(score: float, images: int, rng: np.random.Generator) -> _Tested:
    hard = rng.standard_normal(images)
    winner, scratch = (right(hard, np.asarray([true]), rng)[0] for true in (WINNER, score))
    return _Tested(compare(np.ones_like(winner), winner, scratch), float(scratch.mean()) - GUESSING)


def _is_shown(over: Difference) -> bool:
    return over.ci95[0] > 0 and over.p_value is not None and over.p_value < SIGNIFICANT


def _outlasts_line(tested: _Tested, curve: Floats) -> bool:
    """The rule before: a straight line through the last two thirds of the epochs."""
    epochs = np.arange(1, len(curve) + 1)
    late = epochs > len(curve) / 3
    x, y = epochs[late] - epochs[late].mean(), curve[late]
    spread, rest = float((x**2).sum()), WHOLE - len(curve)
    slope = float((x * y).sum()) / spread
    stderr = float(np.sqrt(((y - y.mean() - slope * x) ** 2).sum() / (len(y) - 2) / spread))
    gain = min(max(0.0, slope) * rest, 1 - float(y[-3:].mean()))
    return Rise(gain, stderr * rest).leaves(tested.over.difference, tested.over.ci95)


def claims_gain(over: Difference, learned: float, curve: Sequence[float]) -> bool:
    """The rule of ``report.verdict.fair``.

    Args:
        over: The winner's gain over it.
        learned: Its score on test less that of guessing.
        curve: Its validation scores, one for each epoch.
    """
    trained, (until,) = amount_trained(range(1, len(curve) + 1), len(curve)), amount_trained([WHOLE], WHOLE)
    done = len(curve) / WHOLE
    if done >= 1:
        again = extrapolate(trained, curve, AGAIN * until, 1.0)
        return again is None or not again.is_clear or again.leaves(over.difference, over.ci95)
    rise = extrapolate(trained, curve, until, 1.0)
    return rise is not None and has_begun(learned, over.difference, done) and rise.leaves(over.difference, over.ci95)


RULES: Mapping[str, Callable[[_Tested, Floats], bool]] = {
    "whatever it has learned": lambda tested, curve: True,
    "outlasts the line": _outlasts_line,
    "begun, outlasts a doubling": lambda tested, curve: claims_gain(tested.over, tested.learned, curve.tolist()),
}


def too_many(rows: Sequence[Row]) -> list[str]:
    """Which networks that would be as good make more false claims by the last rule than there may be."""
    found = []
    for row in rows:
        share, simulations = float(str(row[list(RULES)[-1]])), int(str(row["simulations"]))
        error = float(np.sqrt(MOST_FALSE * (1 - MOST_FALSE) / simulations))
        if row["points behind"] == 0 and share > MOST_FALSE + 2 * error:
            found.append(f"{row['curve']}, {row['epochs']} epochs, {row['validation images']} images: {share}")
    return found


if __name__ == "__main__":
    sys.exit(main())
