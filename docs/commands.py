"""Write the commands of tlsearch as Markdown: what each prints as its help, with the headings of its options.

    python docs/commands.py

``docs/hooks.py`` puts it into the page of the command line when the site is built.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from tlsearch.cli.main import cli
from tlsearch.cli.terminal.help import grouped_options

WIDTH = 92
"""The width of the page's blocks of text in characters."""


def command_pages() -> str:
    """A section for tlsearch and for each of its commands, in the order of its help."""
    context = cli.context_class(cli, info_name="tlsearch", terminal_width=WIDTH, **cli.context_settings)
    return "\n".join(_sections(cli, context, 2))


def _sections(command: click.Command, ctx: click.Context, depth: int) -> Iterator[str]:
    path = ctx.command_path
    yield f"{'#' * depth} {path} {{ #{path.replace(' ', '-')} data-toc-label='{ctx.info_name}' }}\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    yield _block(f"{path} {' '.join(command.collect_usage_pieces(ctx))}")
    for heading, records in grouped_options(command, ctx).items():
        formatter = ctx.make_formatter()
        formatter.write_dl(records)
        yield f"**{heading}:**\n"
        yield _block(formatter.getvalue().rstrip())
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.commands[name]
            yield from _sections(inner, inner.context_class(inner, info_name=name, parent=ctx), depth + 1)


def _block(text: str) -> str:
    return f"```text\n{text}\n```\n"


if __name__ == "__main__":
    print(command_pages())
