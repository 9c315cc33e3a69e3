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
from tlsearch.errors import Interrupted, TlsearchError
from tlsearch.runs.program_start import note_program
from tlsearch.utils.home import ensure_home
from tlsearch.utils.machine import limit_libraries
from tlsearch.utils.passwords import hide_passwords, remember_argument

INTERRUPTED = 130


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
            lines = str(error).strip().splitlines()
            what = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
            file = _keep_traceback(ctx)
            _end(ctx, f"tlsearch failed unexpectedly ({what.rstrip('.')}); the details are in {file}", 1)


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


def _keep_traceback(ctx: click.Context) -> Path:
    """Writes the current traceback into a file.

    It lies in the output folder of the run where that is known, else it is a temporary one.
    """
    folder = ctx.obj if isinstance(ctx.obj, Path) and ctx.obj.is_dir() else None
    try:
        return _write_traceback(folder)
    except OSError:  # the folder may be what the trouble is about
        return _write_traceback(None)


def _write_traceback(folder: Path | None) -> Path:
    with tempfile.NamedTemporaryFile(
        "w", prefix="tlsearch-error-", suffix=".txt", dir=folder, delete=False, encoding="utf-8"
    ) as stream:
        stream.write(hide_passwords(traceback.format_exc()))
    return Path(stream.name)
