"""Write the parts of the reference that follow from the code: tables of fields, and the JSON Schema of result.json.

    python docs/generate.py configuration     # the table of RunConfig's fields, as Markdown
    python docs/generate.py records           # a table for each record of result.json, as Markdown
    python docs/generate.py schema            # the JSON Schema of result.json

``docs/hooks.py`` calls the same functions when the site is built. The meaning of a field stands in exactly one place:
in a string below the field, in the ``Attributes:`` section of the class, or in ``docs/reference/fields.toml``.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import json
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click

MEANINGS_FILE = Path(__file__).parent / "reference" / "fields.toml"


def find_records() -> dict[str, type]:
    """Every record of result.json by its name, each behind the record that first holds it."""
    from tlsearch.results.result import RunResult

    found: dict[str, type] = {}
    queue: list[type] = [RunResult]
    while queue:
        record = queue.pop(0)
        if record.__name__ not in found:
            found[record.__name__] = record
            queue.extend(kind for hint in get_type_hints(record).values() for kind in _inner_records(hint))
    return found


def _inner_records(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for part in get_args(hint):
        if not isinstance(part, str):
            yield from _inner_records(part)


# Meanings


def read_meanings() -> dict[str, dict[str, str]]:
    """What ``fields.toml`` says: record to field to meaning. ``_about`` is a text on the record itself."""
    return tomllib.loads(MEANINGS_FILE.read_text(encoding="utf-8"))


def meanings_in_code(record: type) -> dict[str, str]:
    """The meanings of fields that stand in the source of ``record``."""
    return {**_attributes_section(inspect.getdoc(record) or ""), **_strings_below_fields(record)}


def meanings_of(record: type) -> dict[str, str]:
    """The meanings of all fields of ``record``, wherever they stand."""
    written = read_meanings().get(record.__name__, {})
    return {**{name: text for name, text in written.items() if name != "_about"}, **meanings_in_code(record)}


def about(record: type) -> str:
    """The text on a record: ``_about`` in ``fields.toml``, else the first sentence of its docstring."""
    written = read_meanings().get(record.__name__, {}).get("_about")
    if written is not None:
        return written.strip()
    first = (inspect.getdoc(record) or "").split("\n\n")[0]
    return re.split(r"(?<=[.:])\s", first.replace("\n", " "), maxsplit=1)[0].replace("``", "`")


def _attributes_section(text: str) -> dict[str, str]:
    """The fields in a Google-style ``Attributes:`` section."""
    match = re.search(r"^Attributes:\n((?:[ \t]+.*\n?|\n)+)", text, re.MULTILINE)
    if match is None:
        return {}
    found: dict[str, str] = {}
    name = ""
    for line in textwrap.dedent(match[1]).splitlines():
        start = re.match(r"(\w+)(?: \([^)]*\))?:\s*(.*)", line)
        if start is not None:
            name = start[1]
            found[name] = start[2]
        elif name and line.strip():
            found[name] += " " + line.strip()
    return found


def _strings_below_fields(record: type) -> dict[str, str]:
    """The strings that stand below the fields of a class, as documentation tools read them."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(record))).body
    if not isinstance(definition, ast.ClassDef):
        return {}
    found = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found[field.target.id] = " ".join(below.value.value.split())
    return found


# Tables


def record_tables() -> str:
    """A section with a table for each record of result.json."""
    sections = []
    for name, record in find_records().items():
        hints, meanings = get_type_hints(record), meanings_of(record)
        rows = [
            (f"`{field.name}`", type_words(hints[field.name]), _meaning(meanings, field.name))
            for field in fields(record)
        ]
        sections.append(f"## {name}\n\n{about(record)}\n\n{_table(('field', 'type', 'meaning'), rows)}")
    return "\n\n".join(sections)


def _meaning(meanings: Mapping[str, str], name: str) -> str:
    return meanings.get(name, "")


def configuration_table() -> str:
    """A table of RunConfig's fields, with the option of ``tlsearch run`` that sets each."""
    from tlsearch.config import RunConfig

    command = importlib.import_module("tlsearch.cli.main").cli.commands["run"]
    options = {p.name: p for p in command.params if isinstance(p, click.Option)}
    hints, meanings = get_type_hints(RunConfig), meanings_in_code(RunConfig)
    rows = []
    for field in fields(RunConfig):
        option = options.get(field.name)
        spoken, default = _help(option)
        rows.append(
            (
                f"`{field.name}`",
                f"`{option.opts[0]}`" if option else f"`{field.name.upper()}`",
                type_words(hints[field.name]),
                default or _default(field),
                meanings.get(field.name) or spoken or "the folder of images",
            )
        )
    return _table(("field", "option", "type", "default", "meaning"), rows)


def _help(option: click.Option | None) -> tuple[str, str]:
    """The help of an option, and the default that stands in brackets at its end."""
    text = " ".join(((option.help if option else "") or "").split())
    match = re.fullmatch(r"(.*?)\s*\[default: (.*)\]", text)
    return (match[1], match[2]) if match else (text, "")


def _default(field: Field[Any]) -> str:
    return "required" if field.default is MISSING and field.default_factory is MISSING else f"`{field.default!r}`"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


_WORDS = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def type_words(hint: Any, many: bool = False) -> str:
    """A type in words, as ``list of strings or null``."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        return " or ".join(type_words(part, many) for part in inner)
    if origin is Literal:
        return " or ".join(f"`{json.dumps(value)}`" for value in inner)
    if origin is tuple and inner[-1] is Ellipsis:
        return f"list{'s' if many else ''} of {type_words(inner[0], many=True)}"
    if origin is tuple:
        return f"list{'s' if many else ''} of {len(inner)} {type_words(inner[0], many=True)}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"object{'s' if many else ''} of {type_words(inner[1], many=True)}"
    if isinstance(hint, type) and is_dataclass(hint):
        return f"[`{hint.__name__}`](#{hint.__name__.lower()})"
    if isinstance(hint, type) and issubclass(hint, PurePath):
        return "path" + ("s" if many else "")
    if hint in _WORDS:
        return _WORDS[hint] + ("s" if many and hint is not NoneType else "")
    return "any value"


# JSON Schema


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of result.json. Keys that it does not name are allowed, as readers pass over them."""
    from tlsearch.results.result import RunResult

    definitions = {}
    for name, record in find_records().items():
        hints, meanings = get_type_hints(record), meanings_of(record)
        properties = {}
        for field in fields(record):
            words = _meaning(meanings, field.name).replace("`", "")
            properties[field.name] = {**schema_of(hints[field.name]), **({"description": words} if words else {})}
        required = [f.name for f in fields(record) if f.default is MISSING and f.default_factory is MISSING]
        definitions[name] = {
            "type": "object",
            "description": about(record).replace("`", ""),
            "properties": properties,
            "required": required,
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "result.json of tlsearch",
        "$ref": f"#/$defs/{RunResult.__name__}",
        "$defs": definitions,
    }


_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def schema_of(hint: Any) -> dict[str, Any]:
    """The schema of the JSON value that a field of type ``hint`` becomes."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        return {"anyOf": [schema_of(part) for part in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple and inner[-1] is Ellipsis:
        return {"type": "array", "items": schema_of(inner[0])}
    if origin is tuple:
        return {"type": "array", "prefixItems": [schema_of(part) for part in inner], "minItems": len(inner)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(inner[1])}
    if isinstance(hint, type) and is_dataclass(hint):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    return {"type": _TYPES[hint]} if hint in _TYPES else {}


def main() -> None:
    """Print the part that the first argument names."""
    parts: dict[str, Callable[[], str]] = {
        "configuration": configuration_table,
        "records": record_tables,
        "schema": lambda: json.dumps(json_schema(), indent=2),
    }
    chosen = sys.argv[1:]
    if len(chosen) != 1 or chosen[0] not in parts:
        raise SystemExit(f"usage: python docs/generate.py {'|'.join(parts)}")
    print(parts[chosen[0]]())


if __name__ == "__main__":
    main()
