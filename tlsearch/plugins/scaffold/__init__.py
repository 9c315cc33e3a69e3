"""A new plugin package: written from templates, complete and working before anything is changed in it."""

from __future__ import annotations

import importlib.util
import keyword
import re
from pathlib import Path

from tlsearch.errors import UsageError
from tlsearch.plugins.api import API_VERSION
from tlsearch.plugins.kinds import kind_named
from tlsearch.plugins.registry import find_plugins

TEMPLATES = Path(__file__).parent / "templates"
"""Those in ``common`` are for every kind; a kind has its ``plugin.py.j2``, and where there is more to say a
``notes.md.j2`` for the README."""


def write_package(kind: str, name: str, folder: Path) -> Path:
    """Write the package ``tlsearch-<name>`` with a plugin of ``kind``, such as "backbone", into ``folder``.

    Gives the package's folder. Raises ``UsageError`` where the name is no name for a module or is taken, where its kind
    refuses it, or where something is there.
    """
    described, module = kind_named(kind), _module(name)
    if not re.fullmatch(described.name_pattern, name) or any(map(keyword.iskeyword, name.split("@"))):
        form = "BACKBONE@WEIGHTS, each of small letters" if "@" in described.name_pattern else "small letters"
        raise UsageError(
            f"{name!r} cannot be the name of a plugin of this kind: take {form}, digits and _ between them, beginning "
            "with a letter, and no word of Python's own."
        )
    taken = {entry.name for entry in find_plugins(kind)} | described.reserved
    if name in taken or importlib.util.find_spec(module) is not None:
        raise UsageError(f"The name {name!r} is taken by a plugin, a package or tlsearch itself: choose another.")
    if (why := described.refuse(name)) is not None:
        raise UsageError(why)
    package = folder / module.replace("_", "-")
    if package.exists():
        raise UsageError(f"{package} is there already: choose another name, or another folder with --dir.")
    texts = {file: _render(template, kind, name) for file, template in _files(kind, name).items()}
    try:
        for file, text in texts.items():
            (package / file).parent.mkdir(parents=True, exist_ok=True)
            (package / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{package} cannot be written ({error.strerror}): name another folder with --dir.") from error
    return package


def _module(name: str) -> str:
    return f"tlsearch_{name.replace('@', '_')}"


def _files(kind: str, name: str) -> dict[str, str]:
    """Every file of the package with its template."""
    module = _module(name)
    return {
        "pyproject.toml": "common/pyproject.toml.j2",
        "README.md": "common/README.md.j2",
        f"{module}/__init__.py": f"{kind}/plugin.py.j2",
        f"{module}/py.typed": "common/py.typed.j2",
        f"tests/test_{module.removeprefix('tlsearch_')}.py": "common/test_plugin.py.j2",
    }


def _render(template: str, kind: str, name: str) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    described, module = kind_named(kind), _module(name)
    return environment.get_template(template).render(
        kind=kind,
        name=name,
        distribution=module.replace("_", "-"),
        module=module,
        class_name="".join(part.capitalize() for part in re.split("[_@]", name)),
        tests=f"{kind.capitalize()}Tests",
        group=described.group,
        usage=described.usage.format(name=name),
        api_version=API_VERSION,
    )
