"""What a person has mistyped: one sentence that says what is wrong and how to fix it, in the words of all errors.

click's own messages have three lines and other words, and suggest names that are not like what was typed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from tlsearch.utils.addresses import expand_home, is_address
from tlsearch.utils.passwords import hide_passwords
from tlsearch.utils.texts import either, hint, nearest


class Mistake(click.ClickException):
    """A mistake on the command line: its sentence is all that is printed, and the exit code is 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:
        """Print the sentence."""
        click.echo(error_line(hide_passwords(self.message)), err=True)


def error_line(sentence: str, stop: str = ".") -> str:
    """The line that ends a command: ``error:`` and the sentence, which begins with a capital letter or a name.

    ``stop`` ends it where nothing else does.
    """
    first, _, rest = sentence.partition(" ")
    if first in {"a", "an", "it", "no", "the", "there", "these", "this", "what"}:
        sentence = f"{first.capitalize()} {rest}"
    return f"error: {sentence}{'' if sentence.endswith(('.', '?', '!')) else stop}"


@contextmanager
def as_mistakes(ctx: click.Context, args: Sequence[str]) -> Iterator[None]:
    """Inside, what click finds wrong with ``args`` becomes a ``Mistake``; a command without any shows its help."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        raise Mistake(_sentence(error, ctx, args)) from error


def no_such_command(ctx: click.Context, group: click.Group, name: str) -> Mistake:
    """There is no command of the name: one that is like it is named, or the one that takes such a path."""
    path = ctx.command_path
    near = [f"{path} {command}" for command in nearest(name, group.commands)]
    if not near:
        near = [command.command_path for command in _commands(ctx) if command.info_name == name]
    if not near and ctx.parent is None and (is_address(name) or expand_home(Path(name)).exists()):
        near = [f"{path} run {name}"]
    suggested = f"did you mean {either(f'`{command}`' for command in near)}?" if near else f"{_help_of(ctx)} lists them"
    return Mistake(f"`{path}` has no command {name!r}: {suggested}")


def too_many(ctx: click.Context, rest: Sequence[str]) -> Mistake:
    """There are more arguments than the command takes."""
    return Mistake(f"{' '.join(rest)!r} is too much: write `{_usage(ctx)}`, with quotes around a name that has spaces")


def parameter_name(param: click.Parameter | None) -> str:
    """An option as it is typed, an argument as help shows it."""
    if param is None:
        return "The value"
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return (param.metavar or param.human_readable_name.upper()).split()[0].removesuffix("...")


def _sentence(error: click.UsageError, ctx: click.Context, args: Sequence[str]) -> str:
    if isinstance(error, click.NoSuchOption):
        return _no_such_option(ctx, _as_typed(error.option_name, args))
    if isinstance(error, click.BadOptionUsage):
        name = error.option_name
        options = (p for p in ctx.command.get_params(ctx) if isinstance(p, click.Option) and not p.is_flag)
        valued = next((option for option in options if name in option.opts), None)
        if valued is not None:
            return f"{name} needs a value: write {name} {valued.make_metavar(ctx)}"
        return f"{name} takes no value: leave out what stands behind it"
    if isinstance(error, click.MissingParameter):
        return f"{parameter_name(error.param)} is missing: write `{_usage(ctx)}`"
    if isinstance(error, click.BadParameter):
        return f"{parameter_name(error.param)} is wrong: {error.message}"
    return error.format_message()


def _no_such_option(ctx: click.Context, typed: str) -> str:
    """There is no such option: another command has it, or this one has one that is like it."""
    path = ctx.command_path
    others = [c.command_path for c in _commands(ctx) if typed in _options(c) and c.command_path != path]
    if others:
        return f"`{path}` has no option {typed}: it is an option of {either(f'`{other}`' for other in others[:3])}"
    return f"`{path}` has no option {typed}: {hint(typed, _options(ctx), f'{_help_of(ctx)} lists them', show=str)}"


def _as_typed(name: str, args: Sequence[str]) -> str:
    """The option as it was typed: of ``-trials`` click names the first letter."""
    if name.startswith("--") or name in args:
        return name
    return next((arg.partition("=")[0] for arg in args if arg.startswith(name)), name)


def _options(ctx: click.Context) -> list[str]:
    """The long options of a command."""
    names = (name for p in ctx.command.get_params(ctx) for name in (*p.opts, *p.secondary_opts))
    return [name for name in names if name.startswith("--")]


def _commands(ctx: click.Context) -> Iterator[click.Context]:
    """A context for every command that there is, in the order of help."""
    yield from _below(ctx.find_root())


def _below(ctx: click.Context) -> Iterator[click.Context]:
    if not isinstance(ctx.command, click.Group):
        yield ctx
        return
    for name in ctx.command.list_commands(ctx):
        command = ctx.command.commands[name]
        yield from _below(command.context_class(command, info_name=name, parent=ctx))


def _usage(ctx: click.Context) -> str:
    return " ".join([ctx.command_path, *ctx.command.collect_usage_pieces(ctx)])


def _help_of(ctx: click.Context) -> str:
    return f"`{ctx.command_path} --help`"
