"""How many of the labels that a report shows as wrong are wrong, where it is known because they were planted?

    python -m benchmarks.statistics.label_errors

Labels of some images are changed, and the list of suspects is made as a run makes it: 24 images at most, the least
probable label first. Its *precision* is the share of the list that was planted, its *recall* the share of what was
planted that is in the list.

In the simulation an image of one of ten classes shows each model ten numbers: normal, higher for its own class, and
half as much higher for the class that it is easily taken for (classes come in pairs). The true probabilities of the
classes follow exactly. A model has learned them from labels with as many errors as those that it judges, and states
them more sharply than they are (logarithms times 1.3). Models see the same image alike (correlation .8). Three cases
of judge:

- *winner, all folds*: the winner judges every image, from a fold that it was not trained on;
- *winner on validation, else probe*: the winner judges 15 % of the images and linear probes the others. A probe makes
  twice the errors of the winner;
- *probe*: linear probes judge every image.

A photograph is more than ten normal numbers, so planted errors are looked for in real features too: those of
EfficientNet-Lite0 for the 300 photographs in examples/clothing, through the linear probes of a run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from benchmarks.statistics.real_label_errors import real_rows
from tlsearch.pipeline.insights import MOST_SUSPECTS
from tlsearch.stats.label_errors import count_errors, rank_suspects

BENCHMARK = "statistics.label_errors"

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]
Row = dict[str, object]

CLASSES = 10
ALIKE = 0.8
NEARBY = 0.5
SHARPER = 1.3
VALIDATED = 0.15

JUDGES = ("winner, all folds", "winner on validation, else probe", "probe")
ACCURACIES = (0.77, 0.88, 0.93, 0.97, 0.99)
"""The first is that of the probes on the photographs."""

SIZES = (300, 1000, 3000)
RATES = (0.01, 0.03, 0.05, 0.1)
KINDS = ("random", "confusable")


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant, look, print."""
    parser = make_parser(__doc__)
    parser.add_argument("--simulations", type=int, default=20, help="of each kind (default 20)")
    parser.add_argument("--plantings", type=int, default=3, help="in the photographs, of each kind (default 3)")
    options = parse_options(parser, arguments, {"simulations": 1, "plantings": 1})
    strengths = Strengths()
    sizes = SIZES[:1] if options.quick else SIZES
    rows = [_row(strengths, world, options.simulations, options.seed) for world in worlds() if world.images in sizes]
    print_rows("Planted label errors in the list of suspects", rows)
    rates, side = (RATES[2:3], 32) if options.quick else (RATES, 160)
    real = real_rows(rates, KINDS, options.plantings, options.seed, side)
    print_rows("The same in photographs", real)
    publish(BENCHMARK, options, {"rows": rows, "real": real})
    return 0


@dataclass(frozen=True, kw_only=True)
class World:
    """Who judges the labels of how many images, how well (``accuracy`` against true classes), and what was planted."""

    judge: str
    accuracy: float
    images: int
    rate: float
    kind: str


def worlds() -> Iterator[World]:
    """Every world."""
    for judge in JUDGES:
        for accuracy in ACCURACIES:
            for images in SIZES:
                for rate in RATES:
                    for kind in KINDS:
                        yield World(judge=judge, accuracy=accuracy, images=images, rate=rate, kind=kind)


@dataclass
class Strengths:
    """By how much the number of its own class must be higher for a model to have an accuracy."""

    known: dict[float, float] = field(default_factory=dict)
    noise: Floats = field(default_factory=lambda: np.random.default_rng(17).standard_normal((20_000, CLASSES)))

    def of(self, accuracy: float) -> float:
        """The shift, by bisection."""
        if accuracy not in self.known:
            low, high = 0.5, 12.0
            for _ in range(30):
                shift = (low + high) / 2
                right = (_probabilities(self.noise + _means(shift)[0], shift).argmax(axis=1) == 0).mean()
                low, high = (shift, high) if right < accuracy else (low, shift)
            self.known[accuracy] = low
        return self.known[accuracy]


def _means(shift: float) -> Floats:
    """What images of each class show on average, (CLASSES, CLASSES)."""
    partners = np.eye(CLASSES)[np.arange(CLASSES) ^ 1]
    return np.asarray(shift * (np.eye(CLASSES) + NEARBY * partners))


def _probabilities(seen: Floats, shift: float) -> Floats:
    """The true probabilities of the classes for images that show ``seen``; all classes are as long and as frequent."""
    logits = seen @ _means(shift).T
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def learned(probabilities: Floats, rate: float, kind: str) -> Floats:
    """What a model states that learned from labels with errors: probabilities of labels, and sharper than they are."""
    wrong = 1 - np.eye(CLASSES) if kind == "random" else np.eye(CLASSES)[np.arange(CLASSES) ^ 1]
    labels = (1 - rate) * np.eye(CLASSES) + rate * wrong / wrong.sum(axis=1, keepdims=True)
    powers = (probabilities @ labels) ** SHARPER
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def plant(true: Labels, world: World, rng: np.random.Generator) -> tuple[Labels, npt.NDArray[np.bool_]]:
    """The labels with errors, and which they are."""
    chosen = rng.choice(len(true), round(world.rate * len(true)), replace=False)
    labels, planted = true.copy(), np.zeros(len(true), np.bool_)
    other = (true[chosen] + rng.integers(1, CLASSES, len(chosen))) % CLASSES
    labels[chosen] = other if world.kind == "random" else true[chosen] ^ 1
    planted[chosen] = True
    return labels, planted


def _row(strengths: Strengths, world: World, simulations: int, seed: int) -> Row:
    say(f"label errors: {world}")
    shown, found, agreed, both, counted, planted_all, suspected = 0, 0, 0, 0, 0, 0, 0
    rng = np.random.default_rng([seed, JUDGES.index(world.judge), round(100 * world.accuracy), world.images])
    for _ in range(simulations):
        true = rng.integers(0, CLASSES, world.images)
        labels, planted = plant(true, world, rng)
        strongest, probe, by_winner = judge(strengths, world, true, rng)
        ranked = [item.position for item in rank_suspects(strongest, labels)]
        suspects, suspected = np.array(ranked[:MOST_SUSPECTS], np.intp), suspected + len(ranked)
        agrees = by_winner[suspects] & (probe[suspects].argmax(axis=1) != labels[suspects])
        shown += len(suspects)
        found += int(planted[suspects].sum())
        agreed += int(agrees.sum())
        both += int((planted[suspects] & agrees).sum())
        parts = [part for part in (by_winner, ~by_winner) if part.any()]
        counted += sum(count_errors(strongest[part], labels[part]) for part in parts)
        planted_all += int(planted.sum())
    return {
        "judge": world.judge,
        "accuracy": world.accuracy,
        "images": world.images,
        "errors": world.rate,
        "kind": world.kind,
        "agreement with labels": round(1 - suspected / (simulations * world.images), 3),
        "shown": round(shown / simulations, 1),
        "precision": round(found / shown, 3) if shown else None,
        "recall": round(found / planted_all, 3),
        "precision where both models agree": round(both / agreed, 3) if agreed else None,
        "counted by planted": round(counted / planted_all, 2),
        "simulations": simulations,
    }


def judge(
    strengths: Strengths, world: World, true: Labels, rng: np.random.Generator
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """What the strongest model that has not seen each image states, what probes state, and where the winner judges.

    Probabilities have shape (N, CLASSES) for the true classes ``true`` (N,).
    """
    shared = np.sqrt(ALIKE) * rng.standard_normal((len(true), CLASSES))
    weaker = world.accuracy if world.judge == "probe" else 1 - 2 * (1 - world.accuracy)

    def states(accuracy: float) -> Floats:
        shift, own = strengths.of(accuracy), np.sqrt(1 - ALIKE) * rng.standard_normal(shared.shape)
        return learned(_probabilities(_means(shift)[true] + shared + own, shift), world.rate, world.kind)

    winner, probe = states(world.accuracy), states(weaker)
    by_winner = np.full(len(true), world.judge == JUDGES[0])
    if world.judge == JUDGES[1]:
        by_winner = rng.permutation(len(true)) < VALIDATED * len(true)
    return np.where(by_winner[:, None], winner, probe), probe, by_winner


if __name__ == "__main__":
    sys.exit(main())
