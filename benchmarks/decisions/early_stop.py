"""What does a search lose that ends where more trials could gain less than can be seen, and what does it save?

    python -m benchmarks.decisions.early_stop

A simulation of searches whose truth is known: 40 trials, of which about half tune layers and take twelve times as long
as a linear head. Images and networks are as in ``selection_bias``. After the twelfth trial the trials come nearer to
the best of their kind, as in a search that learns. The trial that a search would choose where it ends early
(``search.enough``) is compared with the one that it would choose after all trials: the regret is by how much its true
accuracy is lower.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from benchmarks.decisions.choice import WORLDS
from benchmarks.decisions.selection_bias import TRIALS, Floats, Row, Search
from tlsearch.search.enough import FEWEST, EarlyStop

BENCHMARK = "decisions.early_stop"

SIZES = (100, 340, 1000)
TUNED_SHARE, LEARNED = 0.45, 0.6
SOLVED_SECONDS, TUNED_SECONDS = 8.0, 100.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    parser = make_parser(__doc__)
    parser.add_argument("--simulations", type=int, default=100, help="searches of each size and world (default 100)")
    options = parse_options(parser, arguments, {"simulations": 2})
    rows = [simulate(world, val, options.simulations, options.seed) for val in SIZES for world in WORLDS]
    print_rows("Searches that end where more trials could gain less than can be seen", rows)
    publish(BENCHMARK, options, {"trials": TRIALS, "rows": rows})
    return 0


def simulate(world: str, val: int, simulations: int, seed: int) -> Row:
    """Mean regret and time saved of searches in one world."""
    say(f"early stop: {val} validation images, {world}")
    regrets, saved, ended = [], [], []
    for number in range(simulations):
        rng = np.random.default_rng([seed, val, list(WORLDS).index(world), number])
        search, seconds = _search(world, val, rng)
        values = np.array([search.value(trial, np.arange(val)) for trial in range(TRIALS)])
        rule = EarlyStop(TRIALS, val)
        end = next((n for n in range(FEWEST, TRIALS) if rule.is_enough(list(values[:n]))), TRIALS)
        regrets.append(float(search.truth[values.argmax()] - search.truth[values[:end].argmax()]))
        saved.append(float(1 - seconds[:end].sum() / seconds.sum()))
        ended.append(end)
    return {
        "validation images": val,
        "world": world,
        "regret, points": round(100 * float(np.mean(regrets)), 2),
        "standard error": round(100 * float(np.std(regrets) / np.sqrt(len(regrets))), 2),
        "time saved": round(float(np.mean(saved)), 2),
        "trials run": round(float(np.mean(ended)), 1),
        "simulations": simulations,
    }


def _search(world: str, val: int, rng: np.random.Generator) -> tuple[Search, Floats]:
    """A search with the true accuracy of its trials, and what each takes."""
    probe, solved, tuned = WORLDS[world]
    is_tuned = rng.random(TRIALS) < TUNED_SHARE
    is_tuned[:2], is_tuned[3:6] = False, True  # as the warm start has them
    best = np.where(is_tuned, tuned, solved)
    behind = np.where(is_tuned, rng.exponential(0.03, TRIALS), rng.exponential(0.02, TRIALS))
    behind[FEWEST:] *= LEARNED
    search = Search(val, val, rng)
    search.truth = np.clip(best - behind, 0.3, None)
    search.truth[0] = probe
    return search, np.where(is_tuned, TUNED_SECONDS, SOLVED_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
