"""The fields of a prediction: what each is called and what it holds. Every format writes them from here.

A field that a prediction gets besides is one entry of ``FURTHER``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlsearch.predictor import Prediction, Predictor


class Kind(Enum):
    """What a field holds; None where a prediction has nothing to say in it."""

    TEXT = auto()
    NUMBER = auto()
    FLAG = auto()
    TEXTS = auto()
    """Several texts; in a cell they are joined with ``; ``."""
    CLASSES = auto()
    """Pairs of a class and its probability, best first."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a prediction.

    Attributes:
        name: What it is called in CSV, JSON and Parquet.
        kind: What it holds.
        of: Gives it: a text, a float, a bool, a tuple of texts or of pairs, or None.
        heading: The heading of its column in a table; empty for a field that has no column of its own there.
        applies: Whether a table has the column, for the predictor that is used.
        table_text: Gives what a table says in place of the value; None for the value itself.
    """

    name: str
    kind: Kind
    of: Callable[[Prediction], Any]
    heading: str = ""
    applies: Callable[[Predictor], bool] = lambda predictor: True
    table_text: Callable[[Prediction], str] | None = None


MAIN: tuple[Field, ...] = (
    Field(name="path", kind=Kind.TEXT, of=lambda prediction: prediction.name),
    Field(name="label", kind=Kind.TEXT, of=lambda prediction: prediction.label),
    Field(name="probability", kind=Kind.NUMBER, of=lambda prediction: prediction.probability),
    Field(name="top", kind=Kind.CLASSES, of=lambda prediction: prediction.top),
    Field(name="calibrated", kind=Kind.FLAG, of=lambda prediction: prediction.calibrated),
    Field(name="error", kind=Kind.TEXT, of=lambda prediction: prediction.error),
)
"""What every format has, in a place that it knows."""

SHOWN_CLASSES = 4
"""Classes of a prediction set that a table names."""


def _not_sure(prediction: Prediction) -> str:
    """``not sure: dress, shirt`` where the set has several classes."""
    names = prediction.prediction_set
    more = f" and {len(names) - SHOWN_CLASSES} more" if len(names) > SHOWN_CLASSES else ""
    return f"not sure: {', '.join(names[:SHOWN_CLASSES])}{more}" if prediction.not_sure else ""


FURTHER: tuple[Field, ...] = (
    Field(
        name="prediction_set",
        kind=Kind.TEXTS,
        of=lambda prediction: prediction.prediction_set or None,
        heading="prediction set",
        applies=lambda predictor: predictor.conformal is not None,
        table_text=_not_sure,
    ),
    Field(name="not_sure", kind=Kind.FLAG, of=lambda prediction: prediction.not_sure),
    Field(name="coverage", kind=Kind.NUMBER, of=lambda prediction: prediction.coverage),
    Field(
        name="unlike",
        kind=Kind.FLAG,
        of=lambda prediction: prediction.unlike,
        heading="training images",
        applies=lambda predictor: predictor.reference is not None,
        table_text=lambda prediction: "unlike them" if prediction.unlike else "",
    ),
    Field(name="distance", kind=Kind.NUMBER, of=lambda prediction: prediction.distance),
)
"""What stands behind them, in this order: columns of CSV and of the table, and entries of JSON and Parquet."""

FIELDS = (*MAIN, *FURTHER)


def table_text(field: Field, prediction: Prediction) -> str:
    """What a table says in the column of a field."""
    return cell(field, prediction) if field.table_text is None else field.table_text(prediction)


def cell(field: Field, prediction: Prediction) -> str:
    """What a field holds as the text of a cell; empty where it holds nothing."""
    value = field.of(prediction)
    if value is None:
        return ""
    if field.kind is Kind.NUMBER:
        return f"{value:.6f}"
    if field.kind is Kind.FLAG:
        return str(value).lower()
    if field.kind is Kind.TEXTS:
        return "; ".join(value)
    if field.kind is Kind.CLASSES:
        return "; ".join(f"{label} {probability:.6f}" for label, probability in value)
    return str(value)


def plain(field: Field, prediction: Prediction) -> Any:
    """What a field holds, of the types that JSON and Parquet know."""
    value = field.of(prediction)
    if value is None:
        return None
    if field.kind is Kind.CLASSES:
        return [{"label": label, "probability": probability} for label, probability in value]
    return list(value) if field.kind is Kind.TEXTS else value
