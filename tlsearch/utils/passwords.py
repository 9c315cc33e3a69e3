"""Passwords in addresses: taken out before an address is shown, logged or kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlencode

SERVER_SCHEMES = ("http", "https")

# The beginning of an address up to its host: a user, a colon, and a password, which may hold / and @ where somebody has
# not escaped them. "host:5000/a@b" has no password: what stands there before the slash is a port.
_LOGIN = r"(?P<user>[^\s/:@'\"]*):(?!\d{1,5}(?:[/?#]|$))(?P<password>[^\s@'\"]*)@(?P<more>(?:[^\s/@'\"]*@)*)"
_ADDRESS = re.compile(rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:{_LOGIN}|(?P<only_user>[^\s/:@'\"?#]*)@)?")
_IN_TEXT = re.compile(rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://){_LOGIN}")

# Parameters of an address that may hold a password; sslkey is the name of a file.
_SECRET_PARAMETER = re.compile(r"pass|pwd|secret|token|credential|signature|odbc_connect|(?<!ssl)key", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Login:
    """What an address says of who asks: its rest without that, the user and the password; empty where it has none."""

    address: str
    user: str = ""
    password: str = field(default="", repr=False)


def split_login(address: str) -> Login:
    """Take user and password out of an address such as ``https://user:password@host/path``; they come unescaped."""
    match = _ADDRESS.match(address)
    if match is None:
        return Login(address=address)
    rest = address[match.end() :]
    user = match["user"] or match["only_user"] or ""
    password = "@".join(part for part in (match["password"], (match["more"] or "").removesuffix("@")) if part)
    return Login(address=f"{match['scheme']}://{rest}", user=unquote(user), password=unquote(password))


def without_password(address: str) -> str:
    """Give the address of a database or a server without its password and without parameters that may hold one.

    The user of a database stays, for its password may be known by it, as ``~/.pgpass`` knows it. That of a server goes
    too: it may be a token.
    """
    match = _ADDRESS.match(address)
    if match is None:
        return address
    user = "" if match["scheme"].lower() in SERVER_SCHEMES else match["user"] or match["only_user"] or ""
    return _without_secret_parameters(f"{match['scheme']}://{user}{'@' if user else ''}{address[match.end() :]}")


def with_password(address: str, *others: str | None) -> str:
    """Give the first of ``others`` that is ``address`` but for its password, else ``address`` itself."""
    return next((other for other in others if other and without_password(other) == address), address)


def hide_passwords(text: str) -> str:
    """Give a text, such as an error of a library, without the logins of the addresses in it."""
    return _IN_TEXT.sub(lambda match: match["scheme"], text)


def _without_secret_parameters(address: str) -> str:
    before, mark, query = address.partition("?")
    if not mark:
        return address
    parameters = parse_qsl(query, keep_blank_values=True)
    kept = [(name, value) for name, value in parameters if not _SECRET_PARAMETER.search(name)]
    if len(kept) == len(parameters):
        return address
    return f"{before}?{urlencode(kept)}" if kept else before
