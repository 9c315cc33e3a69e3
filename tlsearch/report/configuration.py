"""Configurations for people: in words where there is room, in a short form in names and columns."""

from __future__ import annotations

from tlsearch.results.schema import PlanSummary
from tlsearch.types import TrialSpec

SHORT_FORM = (
    "How to read a configuration: network@weights; freeze 6/18, the first 6 of the network's 18 blocks, counted from "
    "the input, are frozen and the others are trained; skip cut 4, the features after block 4 are joined to those of "
    "the last; linear probe, a linear classifier on frozen features; head 128, a hidden layer of 128 units; avg+max, "
    "averages and maxima of the features; flatten, every value of the last feature map; class token, the token of a "
    "transformer that stands for the whole image; and the augmentation with its strength from 0 to 1."
)
"""Explains ``TrialSpec.label`` once in a report."""


def after_block(number: int, of: int, cut_point: str) -> str:
    """``after block 13 of 18 (cut point stage6a)``: the one way in which blocks are counted, and the cut point's name.

    The first block is 1. It ends with the first cut point, so the number is that of the cut point, too.
    """
    return f"after block {number} of {of} (cut point {cut_point})"


def in_words(spec: TrialSpec, plan: PlanSummary) -> str:
    """The configuration without the abbreviations of ``spec.label``.

    As in ``EfficientNet-Lite0 (ImageNet-1k), first 6 of 18 blocks frozen, linear head, standard augmentation 0.50``.
    The name of the network is the one that its plugin gives, where ``plan`` has it.
    """
    parts = [_network(spec, plan)]
    if spec.weights is None:
        parts.append("trained from scratch")
    elif spec.freeze_depth == spec.depth:
        parts.append(f"all {spec.depth} blocks frozen")
    elif spec.freeze_depth == 0:
        parts.append("no block frozen")
    else:
        parts.append(f"first {spec.freeze_depth} of {spec.depth} blocks frozen")
    if spec.skip_cut:
        parts.append(f"features after block {spec.skip_cut} joined")
    if spec.pooling == "avgmax":
        parts.append("averages and maxima of the features")
    if spec.pooling == "flatten":
        parts.append("every value of the last feature map")
    if spec.pooling == "class_token":
        parts.append("class token of the features")
    if spec.units:
        parts.append(f"hidden layer of {spec.units} units")
    else:
        probe = "joined linear probe" if spec.skip_cut else "linear probe"
        parts.append(probe if spec.is_linear_probe else "linear head")
    parts.append(f"{spec.policy} augmentation {spec.strength:.2f}" if spec.strength else "no augmentation")
    return ", ".join(parts)


def network_name(backbone: str, plan: PlanSummary) -> str:
    """The name of a network that its plugin gives, where ``plan`` has it."""
    names = [c.network for c in plan.candidates if c.backbone == backbone and c.network]
    return names[0] if names else backbone


def _network(spec: TrialSpec, plan: PlanSummary) -> str:
    name = network_name(spec.backbone, plan)
    if spec.weights is None:
        return name
    planned = (c for c in plan.candidates if c.backbone == spec.backbone and c.weights == spec.weights)
    found = next(planned, None)
    return f"{name} ({found.trained_on or spec.weights})" if found else f"{spec.backbone} ({spec.weights})"
