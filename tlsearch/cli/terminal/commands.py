"""Commands as click has them, with help in groups and with mistakes told in one sentence."""

from __future__ import annotations

import click

from tlsearch.cli.terminal import mistakes
from tlsearch.cli.terminal.help import Formatter, grouped_options


class Context(click.Context):
    """What click keeps of a command that is called."""

    formatter_class = Formatter


class Command(click.Command):
    """A command whose help shows its options in groups."""

    context_class = Context

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each group below its heading."""
        for heading, records in grouped_options(self, ctx).items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take options and arguments. Raises ``Mistake`` for what cannot be meant."""
        ctx.allow_extra_args = True
        with mistakes.as_mistakes(ctx, args):
            rest = super().parse_args(ctx, list(args))
        if rest and not ctx.resilient_parsing:
            raise mistakes.too_many(ctx, rest)
        return rest


class Group(click.Group):
    """A group of such commands."""

    context_class = Context
    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options before a command. Raises ``Mistake`` for what cannot be meant."""
        with mistakes.as_mistakes(ctx, args):
            return super().parse_args(ctx, list(args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named. Raises ``Mistake`` where there is none of the name."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            raise mistakes.no_such_command(ctx, self, args[0])
        return super().resolve_command(ctx, args)
