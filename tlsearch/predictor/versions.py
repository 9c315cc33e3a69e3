"""The versions that a model was made with, as they stand in its ``config.json``, and those that are here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from tlsearch import backend

_ENDING = "_version"
_NAMES = {"keras": "Keras", "tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def versions_here() -> dict[str, str]:
    """Give the entries of ``config.json``: ``backend``, and ``keras_version``, ``tlsearch_version`` and so on.

    Imports Keras.
    """
    known = backend.versions()
    numbers = {name: number for name, number in known.items() if name != "backend"}
    numbers["tlsearch"] = version("tlsearch")
    return {"backend": known["backend"], **{f"{name}{_ENDING}": number for name, number in numbers.items()}}


def other_versions(config: Mapping[str, Any], here: Mapping[str, str]) -> str:
    """Say with what a model was made, what is here, and what to install.

    Args:
        config: The content of ``config.json``; those of older runs do not name the backend and tlsearch.
        here: What ``versions_here`` gives.

    Returns:
        A part of a sentence; empty where Keras and its backend are those of the model, as far as it says.
    """
    made = {name: text for name, text in config.items() if name.endswith(_ENDING) and isinstance(text, str)}
    if isinstance(config.get("backend"), str):
        made["backend"] = config["backend"]
    names = [name for name in made if here.get(name, "") != made[name]]
    if names in ([], [f"tlsearch{_ENDING}"]):  # tlsearch is not needed to load a model
        return ""
    packages = [name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING)]
    wanted = " ".join(f"{package}=={made[package + _ENDING]}" for package in packages)
    installs = f"install those versions (pip install {wanted})" if wanted else ""
    backend_differs = "backend" in names and f"set KERAS_BACKEND={made['backend']}"
    fix = " and ".join(text for text in (backend_differs, installs) if text)
    return f"it was made with {_in_words(made, names)}, and here is {_in_words(here, names)}: {fix}"


def _in_words(versions: Mapping[str, str], names: list[str]) -> str:
    """Such as ``Keras 3.15.1, TensorFlow 2.21.0``; what is missing is not there."""
    parts = []
    for name in names:
        plain = name.removesuffix(_ENDING)
        shown = "backend" if name == "backend" else _NAMES.get(plain, plain)
        parts.append(f"{shown} {versions[name]}" if name in versions else f"no {shown}")
    return ", ".join(parts)
