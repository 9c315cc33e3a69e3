"""Which requests are only solved, and which send images through a network: the rule for workers of two kinds.

A run on a cluster may have workers with a GPU and workers without one. Then a request goes to a worker without a GPU
where all that it does is to fit something small on features that are stored already. Everything else goes to a worker
with a GPU.

The rule looks at the request and at nothing else. A GPU and a processor sum in different orders, so the last digits of
a score depend on which of them computed it. If an idle worker of the other kind took a trial, or if the rule asked what
the store holds, the same seed would give other numbers on another day.

Some requests need both: a head has to be fitted on features that an image must go through the network for. They count
as solved where the features are pooled ones of the images as they are. The profile, a request to a worker with a GPU,
has put those of every cut point into the store before any trial, and a network without a profile is left out. Where the
store has dropped them since, the worker computes them itself, and last digits may differ. The labels are examined on
the same features. They do not count as solved where the features are others: those of augmented views, which the first
trial that reads them computes, and whole feature maps (the pooling "flatten"), which the store may have no room for.
"""

from __future__ import annotations

from tlsearch.types import TrialSpec
from tlsearch.worker.protocol import ExamineLabels, Request, RunTrial


def is_solved(request: Request[object]) -> bool:
    """Whether a request goes to a worker without a GPU, in a run that has such workers beside others."""
    if isinstance(request, RunTrial):
        return is_solved_trial(request.spec)
    return isinstance(request, ExamineLabels)


def is_solved_trial(spec: TrialSpec) -> bool:
    """Whether a trial only fits a head, linear or hidden, on pooled features of the images as they are."""
    return spec.kind == "feature_extraction" and not spec.strength and spec.pooling != "flatten"
