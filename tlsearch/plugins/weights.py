"""Weights: where a file of them is looked for, whether it is the right one, and how it is fetched.

Nothing here imports Keras: the process that plans a run must not load a backend. So Keras' cache folder is
found by Keras' own rule (``KERAS_HOME``, else ``~/.keras``), and ``download`` does what
``keras.utils.get_file`` would.
"""

from __future__ import annotations

import functools
import hashlib
import http.client
import os
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tlsearch.errors import WeightsError
from tlsearch.plugins.api import WeightSource
from tlsearch.utils.cache_folders import trained_dir
from tlsearch.utils.files import atomic_path
from tlsearch.utils.home import keras_home
from tlsearch.utils.texts import hint

_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ResolvedWeights:
    """Named weights and where they are.

    ``file`` is None exactly when ``needs_download``. ``weights_id`` is the first 16 hexadecimal digits of the
    SHA-256 of the file's content, and empty before a download. ``source`` is None for a file that a user
    named.
    """

    name: str
    file: Path | None
    weights_id: str
    needs_download: bool
    source: WeightSource | None


def cache_folder() -> Path:
    """Where Keras keeps downloaded weights: ``$KERAS_HOME/models``, else ``~/.keras/models``.

    Where the home folder cannot be written to, Keras takes ``/tmp`` for it, and so does this.
    """
    return keras_home() / "models"


def resolve(backbone: str, name: str, source: WeightSource) -> ResolvedWeights:
    """Find the weights ``name`` of ``backbone`` on this machine.

    Looks into ``TLSEARCH_WEIGHTS_DIR``, at the file that the plugin brings, and into Keras' cache, in that
    order. A file whose hash is wrong in ``TLSEARCH_WEIGHTS_DIR`` or in the package raises ``WeightsError``;
    in Keras' cache it counts as absent, as an interrupted download leaves one.
    """
    filename = source.filename or (source.path.name if source.path else f"{backbone}_{name}.weights.h5")
    folder = os.environ.get("TLSEARCH_WEIGHTS_DIR")
    placed = Path(folder) / filename if folder else None
    for file in (placed, source.path):
        if file is not None and file.is_file():
            verify(file, source)
            return _found(name, file, source)
    if source.url is None:
        raise WeightsError(
            f"The weights {backbone}@{name} are not at {source.path}, where the plugin puts them: "
            f"reinstall the plugin or set TLSEARCH_WEIGHTS_DIR to a folder that holds {filename}"
        )
    cached = cache_folder() / filename
    if cached.is_file() and _matches(cached, source):
        return _found(name, cached, source)
    return ResolvedWeights(name=name, file=None, weights_id="", needs_download=True, source=source)


def from_file(name: str, file: Path) -> ResolvedWeights:
    """Weights that a user named by path. Raises ``WeightsError`` where there is no such file."""
    if not file.is_file():
        raise WeightsError(f"The weights file {file} does not exist: give the path of an existing file")
    return _found(name, file, None)


def verify(file: Path, source: WeightSource) -> None:
    """Raise ``WeightsError`` when the content of ``file`` has another hash than ``source`` states."""
    if not _matches(file, source):
        fix = "delete it and bring it in again from where it came"
        if source.url:
            fix = "delete it and fetch it again with `tlsearch weights fetch`"
        elif file.is_relative_to(trained_dir()):
            fix = f"remove the weights with `tlsearch weights remove {file.parent.name}`, and train or import them anew"
        expected = f"the published {source.file_hash}" if source.url else f"{source.file_hash}, with which it came"
        raise WeightsError(f"The file {file} is not what its name says (its hash differs from {expected}): {fix}")


def download(source: WeightSource, to: Path | None = None, progress: Callable[[int, int], None] | None = None) -> Path:
    """Fetch ``source`` into the folder ``to`` (Keras' cache where None) and give the file's path.

    ``keras.utils.get_file`` would do, but it needs a backend, which this process may not import. The file is
    written under a temporary name, checked against its hash, then renamed; a good file that is there already
    stays. ``progress`` is called with (bytes so far, bytes in all or 0). Raises ``WeightsError``.
    """
    if source.url is None or source.filename is None:
        raise WeightsError("These weights are installed with their plugin: there is nothing to fetch")
    folder = to if to is not None else cache_folder()
    target = folder / source.filename
    if target.is_file() and _matches(target, source):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary:
            with temporary.open("xb") as sink:
                _stream(source.url, sink.write, progress)
            if not _matches(temporary, source):
                raise WeightsError(
                    f"What {source.url} sent has another hash than was published: try again, or fetch it "
                    f"elsewhere and put it into {folder}"
                )
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(
            f"{source.url} could not be fetched into {folder} ({error}): check the network and the folder, "
            f"or run `tlsearch weights fetch` on another machine and copy the file into {folder}"
        ) from error
    return target


def hosts_of(sources: Iterable[WeightSource]) -> tuple[str, ...]:
    """The hosts that ``sources`` are downloaded from, sorted, each once: what ``reachable`` asks about.

    Each is the beginning of an address, with the port where one is given: ``https://host`` or ``http://host:8000``.
    """
    parts = [urlsplit(source.url) for source in sources if source.url]
    return tuple(sorted({f"{part.scheme}://{part.netloc.rpartition('@')[2]}" for part in parts}))


@functools.cache
def reachable(hosts: tuple[str, ...], timeout: float = 5.0) -> bool:
    """Whether any of ``hosts`` answers within ``timeout`` seconds in all; asked once a process.

    This machine's own files, ``file://``, need no host. Proxies of the environment are used. The look-up of a name
    knows no time-out, so each host is asked in a thread that is left behind when time is up.
    """
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    for host in hosts:
        threading.Thread(target=lambda h=host: answers.put(_answers(h, timeout)), daemon=True).start()
    deadline = time.monotonic() + timeout
    try:
        return any(answers.get(timeout=max(0.0, deadline - time.monotonic())) for _ in hosts)
    except queue.Empty:
        return False


def no_weights(backbone: str, name: str, known: Sequence[str]) -> WeightsError:
    """The error where a backbone has no weights of the name, but those of ``known``."""
    otherwise = f"choose one of {', '.join(known)}"
    return WeightsError(f"The backbone {backbone!r} has no weights {name!r}: {hint(name, known, otherwise)}")


def brings_none(backbone: str, how: str, trained: Sequence[str] = ()) -> str:
    """Say that there are no weights of a backbone, and how it gets some.

    Args:
        backbone: Its name.
        how: What its author says of that, ``Backbone.weights_hint``; empty where he says nothing.
        trained: The names of the weights that ``tlsearch pretrain`` made for it.
    """
    ways = [
        *([f"name those that were trained, {backbone}@{trained[0]}"] if trained else []),
        *([how] if how else []),
        f"give a file with --weights {backbone}=FILE in a run",
        f"train some with `tlsearch pretrain {backbone} DATASET --name NAME`",
    ]
    return f"The backbone {backbone!r} has no weights here: {'; or '.join(ways)}."


def not_finite_weights(backbone: str, file: Path, where: str) -> WeightsError:
    """The error for a file whose weights for a backbone are not finite in the variable ``where``."""
    return WeightsError(
        f"The file {file} has weights for {backbone} that are not finite, in {where}: it is damaged, or its training "
        "has failed; give another one."
    )


def missing_reason(backbones: Iterable[str]) -> str:
    """One sentence for ``backbones`` whose weights could not be had, with how to bring them in."""
    names = " ".join(backbones)
    return (
        f"weights not found; `tlsearch weights fetch {names}` on a machine with a network, then copy the "
        f"files to {cache_folder()} or set TLSEARCH_WEIGHTS_DIR to their folder"
    )


def _found(name: str, file: Path, source: WeightSource | None) -> ResolvedWeights:
    return ResolvedWeights(
        name=name, file=file, weights_id=_digest(file, "sha256")[:16], needs_download=False, source=source
    )


def _matches(file: Path, source: WeightSource) -> bool:
    if source.file_hash is None:
        return True
    kind = "sha256" if len(source.file_hash) == 64 else "md5"
    return _digest(file, kind) == source.file_hash.lower()


def _digest(file: Path, kind: str) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def _stream(url: str, write: Callable[[bytes], object], progress: Callable[[int, int], None] | None) -> None:
    with urllib.request.urlopen(url, timeout=30) as answer:
        total, done = int(answer.headers.get("Content-Length") or 0), 0
        while chunk := answer.read(_CHUNK):
            write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)
        if done < total:
            raise OSError(f"the connection broke off after {done} of {total} bytes")


def _answers(host: str, timeout: float) -> bool:
    if host == "file://":
        return True
    try:
        request = urllib.request.Request(f"{host}/", method="HEAD")
        with urllib.request.urlopen(request, timeout=timeout):
            return True
    except urllib.error.HTTPError:
        return True  # an error page is an answer too
    except (OSError, ValueError, http.client.HTTPException):  # ValueError: an address that is none
        return False
