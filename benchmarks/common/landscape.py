"""A world of trials whose truth is known, made from recorded ones: what each is worth, and how long it takes.

The truth is the mean of a Gaussian process that was fitted to the recorded values (a surrogate benchmark: Eggensperger
et al., Efficient benchmarking of hyperparameter optimizers via surrogates, AAAI 2015). What a trial shows is its truth
plus noise of the size that the process could not explain: the luck of training and of the validation images. The
course of a learning curve is that of the recorded trial that is nearest, and a duration is that of a trial of a whole
run.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from benchmarks.common.recorded_trials import Duration, RecordedTrials
from tlsearch.search.space import DROPOUT, LABEL_SMOOTHING, LR_HEAD, LR_SUFFIX, UNITS, WEIGHT_DECAY
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import Float64Array, TrialSpec

NEAREST = 3
"""Recorded durations of its kind, nearest in what decides about time, among which that of a trial is drawn."""


class Landscape:
    """The world of one recording.

    Attributes:
        noise: The standard deviation of what a trial shows about its truth.
        explained: The share of the variance of the recorded values that the truth explains.
    """

    def __init__(self, recorded: RecordedTrials) -> None:
        """Fit it; takes a second or two."""
        self._policies, self._durations = recorded.policies, recorded.durations
        self._trials = [trial for trial in recorded.trials if trial.value is not None and trial.state == "complete"]
        self._fit()

    def _fit(self) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        features = np.stack([self.features(trial.spec) for trial in self._trials])
        values = np.array([trial.score for trial in self._trials])
        shape = ConstantKernel(1.0) * Matern(np.ones(features.shape[1]), (0.1, 100.0), nu=2.5)
        process = GaussianProcessRegressor(shape + WhiteKernel(0.1, (1e-3, 1.0)), normalize_y=True)
        with warnings.catch_warnings():  # a parameter that ends at its bound, for it does not matter, is no fault
            warnings.simplefilter("ignore", ConvergenceWarning)
            process.fit(features, values)
        self._features, self._process = features, process
        truth = process.predict(features)
        spread = float(np.std(values))
        self.noise = math.sqrt(process.kernel_.k2.noise_level) * spread
        self.explained = 1 - float(np.var(values - truth)) / spread**2

    def features(self, spec: TrialSpec) -> Float64Array:
        """(D,) float64: what a spec is, each from 0 to 1; what it has no use for stands in the middle."""
        tuned, hidden = spec.kind == "fine_tuning", spec.units > 0
        trained = tuned or hidden
        policies = [float(spec.policy == policy) for policy in self._policies[1:]]
        return np.array(
            [
                float(tuned),
                spec.freeze_depth / spec.depth if tuned else 0.5,
                spec.skip_cut / spec.depth,
                float(spec.pooling == "avgmax"),
                float(spec.pooling == "flatten"),
                float(hidden),
                _between(spec.units, UNITS) if hidden else 0.5,
                spec.dropout / DROPOUT[1] if trained else 0.5,
                *policies,
                spec.strength,
                _between(spec.lr_suffix, LR_SUFFIX) if tuned else 0.5,
                _between(spec.lr_head, LR_HEAD) if trained else 0.5,
                _between(spec.weight_decay, WEIGHT_DECAY) if trained else 0.5,
                spec.label_smoothing / LABEL_SMOOTHING[1] if trained else 0.5,
            ]
        )

    def truth(self, spec: TrialSpec) -> float:
        """What a configuration is worth, 0 to 1."""
        return float(np.clip(self._process.predict(self.features(spec)[None])[0], 0.0, 1.0))

    def shown(self, spec: TrialSpec) -> float:
        """What its trial shows: the truth and its luck, the same for one spec, whose seed is a part of it."""
        luck = NormalDist().inv_cdf(min(max(_share(spec, "luck"), 1e-9), 1 - 1e-9))
        return float(np.clip(self.truth(spec) + self.noise * luck, 0.0, 1.0))

    def seconds(self, spec: TrialSpec) -> float:
        """How long its trial takes: as long as one of its kind in a whole run."""
        own = Duration.of(spec, 0.0)
        near = sorted((d for d in self._durations if math.isfinite(d.distance(own))), key=own.distance)[:NEAREST]
        return near[int(_share(spec, "seconds") * len(near))].seconds

    def curve(self, spec: TrialSpec) -> Sequence[tuple[float, float]]:
        """(share of the schedule, objective) after each epoch; empty for a linear probe."""
        if spec.is_linear_probe:
            return ()
        near, shown = self._nearest(spec), self.shown(spec)
        return [(share, float(np.clip(objective + shown - near.score, 0.0, 1.0))) for share, objective in near.curve]

    def _nearest(self, spec: TrialSpec) -> TrialRecord:
        """The recorded trial of its kind that is nearest in what is frozen and seen."""
        own = Duration.of(spec, 0.0)
        return min(self._trials, key=lambda trial: Duration.of(trial.spec, 0.0).distance(own))


def _between(value: float, limits: tuple[float, float]) -> float:
    """Where a value lies between two limits on a logarithmic scale, 0 to 1."""
    low, high = (math.log(limit) for limit in limits)
    return (math.log(value) - low) / (high - low) if value > 0 else 0.0


def _share(spec: TrialSpec, what: str) -> float:
    """0..1, by chance, the same for the same spec."""
    digest = hashlib.sha256(f"{spec.digest} {what}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
