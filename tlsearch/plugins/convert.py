"""Published weights of PyTorch made into a file that a backbone loads."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlsearch import backend
from tlsearch.backend.graph import not_finite
from tlsearch.errors import TlsearchError, WeightsError
from tlsearch.plugins import registry
from tlsearch.plugins.api import Backbone
from tlsearch.plugins.keras_weights import OtherFormatError
from tlsearch.plugins.torch_files.state_dict import read_state_dict
from tlsearch.plugins.weights import not_finite_weights
from tlsearch.types import AnyArray
from tlsearch.utils.files import atomic_path

if TYPE_CHECKING:
    import keras

SUFFIX = ".weights.h5"

WRAPPERS = ("module.", "_orig_mod.")
"""What names begin with that were saved from within DataParallel, or from a compiled network."""

PROVENANCE = "tlsearch_provenance"
"""The attribute of a converted file, in JSON, that says where it comes from."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where converted weights come from.

    Attributes:
        network: The name of the backbone.
        source: The name of the file that was converted.
        source_sha256: Its SHA-256, hexadecimal.
        converted_by: The distribution that brings the backbone and its version, "tlsearch 0.1.0".
    """

    network: str
    source: str
    source_sha256: str
    converted_by: str


def convert(name: str, file: Path, output: Path) -> Provenance:
    """Write the weights in ``file``, which PyTorch saved, into ``output`` (.weights.h5) for the backbone ``name``.

    The backbone's ``build`` gets them as a ``.npz`` of arrays in PyTorch's names and layout, so every backbone whose
    ``build`` takes that can be converted for. What it does not use, such as the classes of ImageNet, is left out.

    Raises:
        WeightsError: The file cannot be read, is refused, or does not fit; or ``output`` cannot be written, or is a
            file that no conversion for this backbone has made.
        PluginError: There is no such backbone.
    """
    with backend.silent_stderr():  # plugins may import Keras, and its backend says much
        plugin: Backbone = registry.load_guarded("backbone", name)
    if not output.name.endswith(SUFFIX):
        raise WeightsError(f"The output is {output}, but its name must end in {SUFFIX}: give another with --output.")
    if output.exists() and not output.is_dir() and not _is_converted(output, name):
        raise WeightsError(
            f"{output} is there already, and no conversion for {name} has made it: name another file with --output."
        )
    arrays = _unwrapped(read_state_dict(file))
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    entry = next(found for found in registry.find_plugins("backbone") if found.name == name)
    provenance = Provenance(
        network=name,
        source=file.name,
        source_sha256=digest,
        converted_by=f"{entry.distribution} {entry.version}",
    )
    _save(plugin, arrays, file, output, provenance)
    return provenance


def default_output(file: Path) -> Path:
    """Give the file that ``file`` is converted into where none is named: beside it, with another ending."""
    return file.with_name(file.stem + SUFFIX)


def _is_converted(output: Path, name: str) -> bool:
    """Whether a file is what an earlier conversion for the backbone ``name`` wrote."""
    import h5py

    try:
        with h5py.File(output, "r") as stored:
            return bool(json.loads(stored.attrs[PROVENANCE])["network"] == name)
    except (OSError, KeyError, ValueError, TypeError):
        return False


def _unwrapped(arrays: dict[str, AnyArray]) -> dict[str, AnyArray]:
    """The arrays by the names that they have in the network, where it was saved within what trains it."""
    while wrapper := next((name for name in WRAPPERS if arrays and all(n.startswith(name) for n in arrays)), None):
        arrays = {name.removeprefix(wrapper): array for name, array in arrays.items()}
    return arrays


def _save(plugin: Backbone, arrays: dict[str, AnyArray], file: Path, output: Path, provenance: Provenance) -> None:
    import h5py

    backend.prepare()
    with tempfile.TemporaryDirectory(prefix="tlsearch-convert-") as folder:
        named = Path(folder) / f"{file.stem}.npz"
        with named.open("wb") as stream:
            # "file" is the name of a parameter of NumPy's; a layer has a dot in its names.
            np.savez(stream, **{n: a for n, a in arrays.items() if n != "file"})  # type: ignore[arg-type]  # its stub
        try:
            model = plugin.build(plugin.min_image_size, named)
        except ValueError as error:
            raise _does_not_fit(plugin, file, named, error) from error
        if spoilt := not_finite(model):
            raise not_finite_weights(plugin.name, file, spoilt)
        if not _is_same_again(plugin, named, model):
            raise WeightsError(
                f"{plugin.name} has other values each time that it loads {file}, so it reads nothing: tell its author."
            )
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(output) as temporary:
                whole = Path(folder) / f"whole{SUFFIX}"
                model.save_weights(whole)
                with h5py.File(whole, "a") as stored:
                    stored.attrs[PROVENANCE] = json.dumps(asdict(provenance))
                temporary.write_bytes(whole.read_bytes())
        except OSError as error:
            raise WeightsError(
                f"{output} cannot be written ({error.strerror or error}): give another place with --output."
            ) from error


def _does_not_fit(plugin: Backbone, file: Path, named: Path, error: ValueError) -> WeightsError:
    """The error for weights of another network; ``named`` holds them as arrays by name.

    It names the network whose weights they are, where that is another form of ``plugin``, found by loading them.
    """
    why = error.__cause__ or error  # without advice
    reason = str(why.args[0] if why.args else why).splitlines()[0].replace(str(named), file.name)
    reads_keras = _is_other_format(error)
    fault = (
        f"{plugin.name} reads no weights of PyTorch"
        if reads_keras
        else f"The file {file} does not fit {plugin.name} ({reason})"
    )
    fits, others = _other_forms(plugin, named)
    if fits:
        return WeightsError(f"{fault}: {file.name} is of {' or '.join(fits)}, so convert it for that.")
    alone = f" It does not fit {', '.join(others)} either." if others else ""
    instead = "give it a file of Keras with --weights in a run." if reads_keras else "give the file of this network."
    return WeightsError(f"{fault}: {instead}{alone}")


def _is_other_format(error: BaseException | None) -> bool:
    """Whether a network reads no weights of PyTorch; a plugin may have said it in words of its own."""
    return error is not None and (isinstance(error, OtherFormatError) or _is_other_format(error.__cause__))


def _is_same_again(plugin: Backbone, named: Path, model: keras.Model) -> bool:
    """Whether a network takes its values from a file: another build has those of ``model`` then."""
    again = plugin.build(plugin.min_image_size, named)
    return all(np.array_equal(*pair) for pair in zip(model.get_weights(), again.get_weights(), strict=True))


def _other_forms(plugin: Backbone, named: Path) -> tuple[list[str], list[str]]:
    """Other forms of a network, whose names begin like its own: those that the arrays fit, and those that they do not.

    Forms that read nothing of PyTorch are in neither.
    """
    stem = plugin.name.partition("_")[0]
    names = {entry.name for entry in registry.find_plugins("backbone") if entry.name.partition("_")[0] == stem}
    fits, others = list[str](), list[str]()
    for name in sorted(names - {plugin.name}):
        try:
            other: Backbone = registry.load_guarded("backbone", name)
            if _is_same_again(other, named, other.build(other.min_image_size, named)):
                fits.append(name)
        except ValueError as error:
            others += [] if _is_other_format(error) else [name]
        except TlsearchError:  # a plugin that is broken says nothing of the file
            continue
    return fits, others
