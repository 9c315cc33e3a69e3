"""The values of options and arguments: what does not fit is refused in the words of the configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tlsearch.cli.terminal.mistakes import parameter_name
from tlsearch.config_values import no_choice, not_wanted

Value = TypeVar("Value")


def as_number(
    parse: Callable[[str, str], Value],
) -> Callable[[click.Context, click.Parameter, str | None], Value | None]:
    """A callback that turns the text of an option into a value; ``parse`` gets the text and the option's name."""

    def callback(ctx: click.Context, param: click.Parameter, text: str | None) -> Value | None:
        return None if text is None else parse(text, parameter_name(param))

    return callback


class Choice(click.Choice[str]):
    """One of several words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take a word. Raises ``UsageError`` where it is none of them; one that is like it is named."""
        if value not in self.choices:
            raise no_choice(parameter_name(param), value, tuple(self.choices))
        return str(value)


class Share(click.ParamType[float]):
    """A number above 0 and below 1."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number. Raises ``UsageError`` where it is none, or 0 or less, or 1 or more."""
        try:
            number = float(value)
        except ValueError:
            number = None
        if number is None or not 0 < number < 1:
            shown = value if number is None else number
            raise not_wanted(parameter_name(param), shown, "a number above 0 and below 1, such as 0.9")
        return number


class WholeNumber(click.ParamType[int]):
    """A whole number from ``low`` to ``high``, which is None for no end."""

    name = "number"

    def __init__(self, low: int, high: int | None = None) -> None:
        self.low, self.high = low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a number. Raises ``UsageError`` where it is none, or one beyond its bounds."""
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or number < self.low or (self.high is not None and number > self.high):
            until = f"of {self.low} or more" if self.high is None else f"from {self.low} to {self.high}"
            shown = value if number is None else number
            raise not_wanted(parameter_name(param), shown, f"a whole number {until}")
        return number
