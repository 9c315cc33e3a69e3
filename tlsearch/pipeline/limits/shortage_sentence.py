"""The text of the warning: ``3m is too short to tune layers of a network: about 8m would be enough`` and the option."""

from __future__ import annotations

from tlsearch.pipeline.limits.shortage_estimates import Aim, Estimates
from tlsearch.utils.units import counted, format_duration

_TUNING = "to tune layers of a network"
_COMPARISON = "for a fair comparison with a network from scratch"


def shortage(estimates: Estimates, trials: int) -> str:
    """One sentence; empty where all fits, by the estimates."""
    fewest, limit = estimates.fewest_trials(), estimates.limit
    few, wanted = trials < fewest, max(trials, fewest)
    missed = set() if limit is None else estimates.out_of_reach(limit, wanted)
    if few:
        missed.discard(Aim.TRIALS)  # nobody asked for so many
    short = "" if limit is None else format_duration(limit)
    asked = counted(trials, "trial")
    reasons = []
    if few and Aim.TUNING in missed:
        reasons.append(f"{asked} and {short} are too little {_TUNING}")
    elif few:
        reasons.append(f"{asked} {'is' if trials == 1 else 'are'} too few {_TUNING}")
    elif Aim.TUNING in missed:
        reasons.append(f"{short} is too short {_TUNING}")
    elif Aim.TRIALS in missed:
        reasons.append(f"{short} is too short for {asked}")
    if Aim.COMPARISON in missed:
        named = any(short in reason for reason in reasons)
        reasons.append(_COMPARISON if named else f"{short} is too short {_COMPARISON}")
    return f"{' and '.join(reasons)}: {_enough(estimates, wanted, few=few, missed=missed)}" if reasons else ""


def _enough(estimates: Estimates, trials: int, *, few: bool, missed: set[Aim]) -> str:
    """What would be enough, in words and as options."""
    words, options = [], []
    if few:
        words.append(counted(trials, "trial"))
        options.append(f"--trials {trials}")
    if missed:
        limit = estimates.enough(trials)
        words.append("a run without a limit of time" if limit is None else f"about {format_duration(limit)}")
        options.append(f"--time-limit {'none' if limit is None else format_duration(limit)}")
    return f"{' and '.join(words)} would be enough ({' '.join(options)})"
