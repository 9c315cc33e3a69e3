"""Configuration files: TOML whose keys are the fields of a configuration."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.config_values import RESULT_NAME, in_numbers
from tlsearch.errors import UsageError
from tlsearch.utils.texts import hint

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def read_config(path: Path, kind: type[DataclassInstance]) -> dict[str, Any]:
    """The fields of a ``kind`` that the TOML file at ``path`` sets, durations and sizes converted.

    Relative paths are meant from the working directory, as on the command line. An ``output`` that is the
    folder where the file itself lies is left out: there the run that wrote the file already is, and a new run
    gets a folder of its own. So is the former folder of a finished run that was moved or copied with the file.

    Raises:
        UsageError: the file cannot be read, is not TOML, or has an unknown key (the nearest one is named).
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a mark at its beginning
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): check its name.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML ({error}): fix that line.") from error
    check_keys(values, f"{path} has the unknown key", kind)
    values = in_numbers(values)
    output = values.get("output")
    if isinstance(output, str) and (Path(output).resolve() == path.resolve().parent or _is_former(output, path)):
        del values["output"]
    return values


def _is_former(output: str, path: Path) -> bool:
    """Whether ``output`` is the folder in which the run was made whose result lies beside the file at ``path``."""
    try:
        result = json.loads(path.with_name(RESULT_NAME).read_text(encoding="utf-8"))
        return bool(result["output"]["folder"] == output)
    except (OSError, ValueError, RecursionError, LookupError, TypeError):  # not there, damaged, or of somebody else
        return False


def check_keys(values: Iterable[str], what: str, kind: type[DataclassInstance]) -> None:
    """Raise ``UsageError``, which begins with ``what``, for a name that no field has."""
    known = [f.name for f in fields(kind)]
    for key in values:
        if key not in known:
            raise UsageError(f"{what} {key!r}: {hint(key, known, 'known names are ' + ', '.join(known))}")
