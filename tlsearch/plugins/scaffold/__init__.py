"""A new plugin package: written from templates, complete and working before anything is changed in it."""

from __future__ import annotations

import importlib.util
import keyword
import re
from pathlib import Path

from tlsearch.errors import UsageError
from tlsearch.plugins.api import API_VERSION
from tlsearch.plugins.registry import GROUPS, RESERVED, PluginKind, find_plugins

TEMPLATES = Path(__file__).parent / "templates"


def write_package(kind: PluginKind, name: str, folder: Path) -> Path:
    """Write the package ``tlsearch-<name>`` with a plugin of ``kind`` ("backbone" or "augmentation") into ``folder``.

    Gives the package's folder. Raises ``UsageError`` where the name is no name for a module or is taken, or something
    is there.
    """
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} cannot be the name of a plugin: take small letters, digits and _ between them, beginning with a "
            "letter, and no word of Python's own."
        )
    taken = {entry.name for entry in find_plugins(kind)} | RESERVED[kind]
    if name in taken or importlib.util.find_spec(f"tlsearch_{name}") is not None:
        raise UsageError(f"The name {name!r} is taken by a plugin, a package or tlsearch itself: choose another.")
    package = folder / f"tlsearch-{name.replace('_', '-')}"
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


def _files(kind: PluginKind, name: str) -> dict[str, str]:
    """Every file of the package with its template."""
    module = f"tlsearch_{name}"
    return {
        "pyproject.toml": "common/pyproject.toml.j2",
        "README.md": f"{kind}/README.md.j2",
        f"{module}/__init__.py": f"{kind}/plugin.py.j2",
        f"{module}/py.typed": "common/py.typed.j2",
        f"tests/test_{name}.py": f"{kind}/test_plugin.py.j2",
    }


def _render(template: str, kind: PluginKind, name: str) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(template).render(
        kind=kind,
        name=name,
        distribution=f"tlsearch-{name.replace('_', '-')}",
        module=f"tlsearch_{name}",
        class_name="".join(part.capitalize() for part in name.split("_")),
        group=GROUPS[kind],
        api_version=API_VERSION,
    )
