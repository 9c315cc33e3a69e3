"""Addresses that fsspec reads: how long to wait, and why one cannot be read, in a sentence with the fix.

No sentence repeats an error: it may hold a key.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

HTTP = ("http", "https")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How many seconds to wait: for a connection, for the next bytes, and for all of it, where None is no limit."""

    connect: float
    read: float
    total: float | None = None


PACKAGES = {
    "http": ("aiohttp", "http"),
    "https": ("aiohttp", "http"),
    "s3": ("s3fs", "s3"),
    "gs": ("gcsfs", "gs"),
    "gcs": ("gcsfs", "gs"),
    "hf": ("huggingface_hub", "hf"),
}
"""The package that reads each kind of address, and the extra of tlsearch that brings it."""

_PERMISSION = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, to an account that may read it",
    "gs": "log in with `gcloud auth application-default login` to an account that may read it",
    "gcs": "log in with `gcloud auth application-default login` to an account that may read it",
    "hf": "log in with `hf auth login` or set HF_TOKEN, and ask for access on its page where it needs that",
}

_NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "GatedRepoError", "LocalTokenNotFoundError")
_NETWORK = ("Connect", "Timeout", "Dns", "SSL", "Disconnected", "PayloadError")


def file_system_options(scheme: str, patience: Patience, *, anonymous: bool = False) -> dict[str, Any]:
    """The options of fsspec's file system for addresses of a scheme.

    Servers of pages are waited for as ``patience`` says, others as their packages do (that of S3 for 15 s, again and
    again). ``anonymous`` asks without credentials.
    """
    if scheme in HTTP:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=patience.total, sock_connect=patience.connect, sock_read=patience.read)
        return {"client_kwargs": {"trust_env": True, "timeout": timeout}}
    return {"anon": True} if anonymous else {}


def why(error: BaseException, scheme: str, shown: str) -> str:
    """The sentence for an error of a file system."""
    chain = list(_causes(error))
    if any(isinstance(each, ImportError) for each in chain):
        return missing_package(scheme, shown)
    if isinstance(error, ValueError) and "protocol" in str(error).lower():
        return f"{shown} is an address of an unknown kind: {_KINDS}."
    statuses = [status for each in chain if (status := _status(each)) is not None]
    if any(status in (401, 403) for status in statuses) or any(_is_refusal(each) for each in chain):
        fix = _PERMISSION.get(scheme, "check the user and password in it, or download the images and name the folder")
        return f"{shown} may not be read with what is known here: {fix}."
    if 404 in statuses:
        return _nothing(shown, scheme)
    if any(_is_network(each) for each in chain):
        return f"{shown} cannot be reached ({_name(chain[-1])}): check the network and the host, then try again."
    if statuses:
        return f"{shown} cannot be read now, as the server answers {statuses[-1]}: try again later."
    if any(isinstance(each, FileNotFoundError) for each in chain):
        return _nothing(shown, scheme)
    return (
        f"{shown} cannot be read ({_name(chain[-1])}): check the address, or download the images and name the folder."
    )


def missing_package(scheme: str, shown: str) -> str:
    """The sentence where the package for a kind of address is not installed."""
    package, extra = PACKAGES.get(scheme, ("", ""))
    if not package:
        return f"{shown} is an address of a kind that needs another package of fsspec: {_KINDS}."
    return f"{shown} needs the package {package}: install it with `pip install 'tlsearch[{extra}]'`."


_KINDS = "write https://, s3://, gs:// or hf://, or download the images and name the folder"


def lacks_credentials(error: BaseException) -> bool:
    """Whether nothing was asked for want of credentials, so that a public bucket may answer without."""
    return any(type(each).__name__ in _NO_CREDENTIALS[:2] for each in _causes(error))


def _nothing(shown: str, scheme: str) -> str:
    more = "; a data set of Hugging Face is hf://datasets/USER/NAME" if scheme == "hf" else ""
    return f"There is nothing at {shown}: check the address{more}."


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _status(error: BaseException) -> int | None:
    """The status that a server answered with, as the libraries keep it."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    for found in (getattr(error, "status", None), response, getattr(response, "status_code", None)):
        if isinstance(found, int):
            return found
    return None


def _is_refusal(error: BaseException) -> bool:
    return isinstance(error, PermissionError) or type(error).__name__ in _NO_CREDENTIALS


def _is_network(error: BaseException) -> bool:
    known = isinstance(error, ConnectionError | TimeoutError | ssl.SSLError)
    return known or any(word in type(error).__name__ for word in _NETWORK)


def _name(error: BaseException) -> str:
    return type(error).__name__
