"""A made-up network of three cut points, which benchmarks draw trials for."""

from __future__ import annotations

from tlsearch.models.cuts import CutInfo, Cuts
from tlsearch.types import Candidate

CANDIDATE = Candidate(backbone="stub", weights="random", weights_file=None, weights_id="id", image_size=32, depth=3)
CUTS = Cuts(
    tuple(
        CutInfo(
            name=f"cut{n}",
            layer=f"conv{n}",
            stage_end=True,
            shape=(4, 4, 8),
            dtype="float16",
            work=n * 1e6,
            frozen_layers=(f"conv{n}",),
        )
        for n in (1, 2, 3)
    )
)
