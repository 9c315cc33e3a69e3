"""Errors of MLflow stores: what is a no for ever, and what may be a no or a store that is not itself."""

from __future__ import annotations

_NEVER = ("INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST")

# A proxy answers so too while its server is away, and a server whose token has run out.
_PERHAPS = ("PERMISSION_DENIED", "ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "BAD_REQUEST", "ALREADY_EXISTS")
_TOO_LARGE = "error code 413"

_ABSENT = ("ENDPOINT_NOT_FOUND", "NOT_FOUND", "NOT_IMPLEMENTED", "RESOURCE_DOES_NOT_EXIST")


def is_refusal(error: Exception) -> bool:
    """Whether the store has answered and said no, so that the same command would fail for ever."""
    return _code(error) in _NEVER


def may_be_refusal(error: Exception) -> bool:
    """Whether the store has said no, if it is the store that has answered and lets us in."""
    return _code(error) in _PERHAPS or _TOO_LARGE in str(error)


def is_absent(error: Exception) -> bool:
    """Whether a server has no such function. Others than MLflow's say so in words of their own, with the status 404."""
    return _code(error) in _ABSENT or "404" in str(error) or "error code 405" in str(error)


def _code(error: Exception) -> str:
    return str(getattr(error, "error_code", ""))
