"""The texts on how images became squares: terminal, report and MLflow all take them from here."""

from __future__ import annotations

from tlsearch.results.schema import Resizing

BECAME = {"squash": "squashed", "pad": "padded", "crop": "cropped"}
"""What images were, by the way in which they became squares."""


def shape(aspect: float) -> str:
    """``images are 3.0 times as long as wide (median)``."""
    return f"images are {aspect:.1f} times as long as wide (median)"


def scores(resizing: Resizing) -> str:
    """``pad 0.830 (squash 0.790, crop 0.740)``: the chosen way first, then the others, the best first."""
    others = sorted(resizing.scores.keys() - {resizing.mode}, key=lambda mode: (-resizing.scores[mode], mode))
    rest = ", ".join(f"{mode} {resizing.scores[mode]:.3f}" for mode in others)
    return f"{resizing.mode} {resizing.scores[resizing.mode]:.3f} ({rest})"


def chosen(resizing: Resizing) -> str:
    """``pad 0.830 (squash 0.790, crop 0.740): padded``, or why nothing was measured."""
    became = BECAME[resizing.mode]
    if resizing.not_measured is not None:
        return f"{became}; other ways were not compared: {resizing.not_measured}"
    return f"{scores(resizing)}: {became}"


def sentence(resizing: Resizing | None) -> str:
    """A sentence for the report; empty where images were squashed, as they are where nothing is said."""
    if resizing is None:
        return ""
    became = BECAME[resizing.mode]
    if resizing.scores:
        return (
            f"The {shape(resizing.aspect)}, so the ways to make them squares were compared: accuracy of linear probes "
            f"on {resizing.candidate}, cross-validated on training images, was {scores(resizing)}. They were {became}."
        )
    if resizing.not_measured is not None:
        return (
            f"The {shape(resizing.aspect)}. They were {became}, and other ways to make them squares were not compared: "
            f"{resizing.not_measured}."
        )
    return f"Images were {became} to squares, as asked." if resizing.mode != "squash" else ""
