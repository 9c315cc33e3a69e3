"""The budget for use: what was asked of the model to use, and what every network costs, measured once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tlsearch.config import RunConfig
from tlsearch.config_values import Preference
from tlsearch.models.use_cost import NetworkAtUse, UseCost
from tlsearch.types import Candidate, TrialSpec
from tlsearch.utils.units import format_latency, format_size

ALIKE = 1.05
"""Costs that differ by no more than this factor are alike: a head of another width is no smaller model."""


START = 10.0
"""Seconds in which a process for a measurement starts and loads a model, about."""


def is_asked(config: RunConfig) -> bool:
    """Whether the model to use has a budget, or is preferred for something."""
    return limits(config) or config.prefer is not None


def limits(config: RunConfig) -> bool:
    """Whether the model to use has a budget."""
    return config.max_latency is not None or config.max_size is not None


def asked(config: RunConfig) -> str:
    """``--max-latency 20ms and --max-size 10MB``: the budget as it was typed."""
    parts = [f"--max-latency {format_latency(config.max_latency)}"] if config.max_latency is not None else []
    parts += [f"--max-size {format_size(config.max_size).replace('k', 'K')}"] if config.max_size is not None else []
    return " and ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """The model to use, as it was measured.

    Attributes:
        spec: Its configuration.
        candidate: Its network.
        folder: Its folder below the output folder.
        cost: What its exported file costs; None where that was not asked for.
        fits: Whether that is within the budget.
        passed_over: What stood before it in the order of the choice and broke the budget when it was measured, each
            with what it costs.
    """

    spec: TrialSpec
    candidate: Candidate
    folder: str
    cost: UseCost | None = None
    fits: bool = True
    passed_over: tuple[tuple[str, UseCost], ...] = ()


@dataclass(frozen=True, kw_only=True)
class UseBudget:
    """What was asked of the model to use.

    Attributes:
        networks: Every network as it was measured, the pre-trained ones first; empty where costs do not matter.
        max_ms: The most milliseconds that an image may take; None without a limit.
        max_megabytes: The most millions of bytes that the file may have; None without a limit.
        prefer: What is preferred of models that are as good; None for the usual rule.
        asked: The limits as they are typed; empty without any.
    """

    networks: tuple[NetworkAtUse, ...] = ()
    max_ms: float | None = None
    max_megabytes: float | None = None
    prefer: Preference | None = None
    asked: str = ""

    @classmethod
    def of(cls, config: RunConfig, networks: Sequence[NetworkAtUse]) -> UseBudget:
        """What ``config`` asks for."""
        return cls(
            networks=tuple(networks),
            max_ms=None if config.max_latency is None else 1000 * config.max_latency,
            max_megabytes=None if config.max_size is None else config.max_size / 1e6,
            prefer=config.prefer,
            asked=asked(config),
        )

    def network_of(self, spec: TrialSpec) -> NetworkAtUse | None:
        """Give the network of a spec; an architecture from scratch costs what it costs with weights."""
        same = [n for n in self.networks if n.candidate.backbone == spec.backbone]
        exact = (n for n in same if n.candidate.weights == spec.weights)
        return next(exact, same[0] if same and spec.weights is None else None)

    def cost_of(self, spec: TrialSpec) -> UseCost | None:
        """Estimate what a model costs at use; None where nothing was measured."""
        network = self.network_of(spec)
        return None if network is None else network.cost_of(spec)

    def allows(self, cost: UseCost | None) -> bool:
        """Whether a cost is within the limits."""
        if cost is None:
            return True
        slow = self.max_ms is not None and cost.ms_per_image > self.max_ms
        large = self.max_megabytes is not None and cost.megabytes > self.max_megabytes
        return not (slow or large)

    def may_ship(self, spec: TrialSpec) -> bool:
        """Whether a model may be used, by estimate."""
        return self.allows(self.cost_of(spec))

    @property
    def excluded(self) -> tuple[NetworkAtUse, ...]:
        """The networks that are above the limits even with the plainest head."""
        return tuple(network for network in self.networks if not self.allows(network.cost))

    @property
    def seconds(self) -> float:
        """About how long the file of the model to use takes to be measured; 0 where it is not."""
        return START + max(n.cost.seconds for n in self.networks) if self.networks else 0.0

    @property
    def prefers_cheap(self) -> bool:
        """Whether the smallest or the fastest of the models that are as good is preferred."""
        return self.prefer in ("small", "fast")

    def preferred(self, specs: Sequence[TrialSpec]) -> list[TrialSpec]:
        """Those of ``specs`` that are as small, or as fast, as the smallest or fastest; all where neither is wanted."""
        costs = [self._wanted_cost(spec) for spec in specs]
        least = min((cost for cost in costs if cost is not None), default=None)
        if least is None:
            return list(specs)
        return [spec for spec, cost in zip(specs, costs, strict=True) if cost is not None and cost <= ALIKE * least]

    def is_cheaper(self, one: TrialSpec, other: TrialSpec) -> bool:
        """Whether ``one`` costs less of what is to be little than ``other``, by more than heads make of it."""
        costs = self._wanted_cost(one), self._wanted_cost(other)
        return costs[0] is not None and costs[1] is not None and costs[0] * ALIKE < costs[1]

    def _wanted_cost(self, spec: TrialSpec) -> float | None:
        """What is to be little: megabytes or milliseconds; None where neither is preferred or known."""
        cost = self.cost_of(spec)
        if cost is None or not self.prefers_cheap:
            return None
        return cost.megabytes if self.prefer == "small" else cost.ms_per_image
