"""The front door: the command line. Commands parse, call and print; the work is done in other packages."""

from __future__ import annotations

import atexit
import errno
import logging
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

import click

from tlsearch.cli.cache import cache
from tlsearch.cli.check import check
from tlsearch.cli.compare import compare
from tlsearch.cli.explain.command import explain
from tlsearch.cli.export import export
from tlsearch.cli.monitor import monitor
from tlsearch.cli.plugins import plugins
from tlsearch.cli.predict import predict
from tlsearch.cli.pretrain import pretrain
from tlsearch.cli.report import report
from tlsearch.cli.resume import resume
from tlsearch.cli.run import run
from tlsearch.cli.sync import sync
from tlsearch.cli.terminal.commands import Group
from tlsearch.cli.terminal.mistakes import error_line
from tlsearch.cli.weights import weights
from tlsearch.errors import Interrupted, TlsearchError, UsageError
from tlsearch.runs.program_start import note_program
from tlsearch.utils.files import is_full
from tlsearch.utils.home import ensure_home
from tlsearch.utils.machine import limit_libraries
from tlsearch.utils.passwords import hide_passwords, remember_argument

INTERRUPTED = 130

_REFUSALS = (errno.EROFS, errno.EACCES, errno.EPERM)
"""What a system has against a file, which is nobody's mistake here."""


class _Front(Group):
    """Turns whatever ends a command into one sentence and an exit code.

    1: the run failed. 2: the request cannot be met as asked. 130: interrupted.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a person meets them."""
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments; what is a login in them is hidden from here on, whatever is said of them."""
        for argument in args:
            remember_argument(argument)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            _check_working_folder()
            ensure_home()
            limit_libraries()
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except TlsearchError as error:
            _end(ctx, str(error), error.exit_code)
        except Interrupted as stop:
            what = "interrupted; what was found out is kept, and the run goes on with"
            _end(ctx, f"{what}: tlsearch resume {shlex.quote(str(stop.output))}", INTERRUPTED, stop="")
        except KeyboardInterrupt:
            _end(ctx, "interrupted", INTERRUPTED)
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of a pipe has enough; click ends quietly
            if is_full(error):
                _end(ctx, f"{_place_of(error) or 'a disk'} is full: make room there, and call this again", 1)
            if isinstance(error, OSError) and error.errno in _REFUSALS and (place := _place_of(error)):
                why = f"{place} cannot be used ({error.strerror})"
                _end(ctx, f"{why}: change what it permits, or name another place", 2)
            lines = str(error).strip().splitlines()
            what = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
            _end(ctx, f"tlsearch failed unexpectedly ({what.rstrip('.')}); {_keep_traceback(ctx)}", 1)


@click.group(
    cls=_Front,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with: tlsearch run FOLDER, where FOLDER holds a folder of images for each class.",
)
@click.version_option(package_name="tlsearch", prog_name="tlsearch", message="%(prog)s %(version)s")
def cli() -> None:
    """Finds the best way to reuse a pre-trained network for a folder of images.

    The gain over training from scratch is measured and proven on test images.
    """


for _command in (
    run,
    resume,
    predict,
    explain,
    monitor,
    export,
    check,
    report,
    compare,
    sync,
    plugins,
    weights,
    pretrain,
    cache,
):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits."""
    for stream in (sys.stdout, sys.stderr):
        # Names of files and classes may hold what the terminal's encoding does not: it is escaped and never an error.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    note_program()
    codes: list[object] = []
    atexit.register(_leave, codes)  # what is registered first is called last
    try:
        cli.main(args=arguments, prog_name="tlsearch")
    except SystemExit as end:
        codes.append(end.code)
        raise
    raise SystemExit(0)


def _leave(codes: list[object]) -> None:
    """End an interrupted process once its threads and all that is called at an exit have come to their ends.

    Else Python would take apart the modules of every library, which on a busy machine takes longer than all the rest.
    """
    if codes != [INTERRUPTED]:
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader may be gone, as where a terminal was closed
            stream.flush()
    os._exit(INTERRUPTED)


def _end(ctx: click.Context, sentence: str, code: int, stop: str = ".") -> NoReturn:
    click.echo(error_line(hide_passwords(sentence), stop), err=True)
    ctx.exit(code)


def _check_working_folder() -> None:
    """Raise ``UsageError`` where the working directory is gone: nearly everything asks for it."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("The working directory is no longer there: change to another one.") from error


def _place_of(error: Exception) -> Path | None:
    """The file or folder that an error is about; None where it does not say."""
    named = getattr(error, "filename", None)
    if not named or not isinstance(named, str | bytes):
        return None
    place = Path(os.fsdecode(named))
    # That of a file on its way has a name that nobody knows; its folder is what people know.
    return place.parent if place.name.startswith(".") and place.suffix == ".part" else place


def _keep_traceback(ctx: click.Context) -> str:
    """Write the current traceback into a file, and say where it is.

    It lies in the output folder of the run where that is known, else it is a temporary one. Where no file can be
    written, it is printed.
    """
    text = hide_passwords(traceback.format_exc())
    folder = ctx.obj if isinstance(ctx.obj, Path) and ctx.obj.is_dir() else None
    for place in (folder, None):  # the folder may be what the trouble is about
        with suppress(OSError):
            return f"the details are in {_write_traceback(text, place)}"
    click.echo(text, err=True)
    return "no file can be written, so the details stand above"


def _write_traceback(text: str, folder: Path | None) -> Path:
    number, name = tempfile.mkstemp(prefix="tlsearch-error-", suffix=".txt", dir=folder)
    try:
        # Names of files that are not Unicode come in as surrogates, which UTF-8 cannot hold.
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
