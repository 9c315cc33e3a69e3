"""Passwords in addresses: taken out before an address is shown, logged or kept."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlencode

from tlsearch.utils.addresses import PLAIN_PARAMETERS

SERVER_SCHEMES = ("http", "https")

HIDDEN = "***"
"""What stands in a text in the place of a password."""

# What the drivers of databases take that is no secret; all other parameters are left out, for nobody knows them all.
_DATABASE_PARAMETERS = {
    "application_name", "autocommit", "autoload", "cache", "cached_statements", "channel_binding", "charset",
    "check_same_thread", "client_encoding", "collation", "connect_timeout", "connection_timeout", "database",
    "dbname", "detect_types", "driver", "encoding", "encrypt", "gssencmode", "gsslib", "host", "hostaddr",
    "immutable", "isolation_level", "keepalives", "keepalives_count", "keepalives_idle",
    "keepalives_interval", "krbsrvname", "load_balance_hosts", "local_infile", "mode", "nolock", "options",
    "passfile", "plugin", "port", "read_timeout", "role", "schema", "service", "ssl", "ssl_ca", "ssl_capath",
    "ssl_cert", "ssl_check_hostname", "ssl_cipher", "ssl_disabled", "ssl_key", "ssl_mode", "ssl_verify_cert",
    "ssl_verify_identity", "sslcert", "sslcrl", "sslcrldir", "sslkey", "sslmode", "sslrootcert", "sslsni",
    "target_session_attrs", "timeout", "trusted_connection", "trustservercertificate", "tz", "unix_socket",
    "uri", "use_unicode", "user", "vfs", "warehouse", "write_timeout",
}  # fmt: skip
_SHOWN_PARAMETERS = PLAIN_PARAMETERS | _DATABASE_PARAMETERS

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<slashes>/+)")
_FILE_SCHEMES = ("sqlite", "file")
_PATH = re.compile(r"/(?!/)[^/:]*(/|$)|\.{1,2}/|~|[A-Za-z]:(\\|/(?!/))")
_PORT = re.compile(r"[^:]*:\d{1,5}")

# An address within a text: nobody knows where it ends, so that a password has no space there, and a port is none.
_IN_TEXT = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s/:@]*:(?!\d{1,5}(?:[/?#]|$))[^\s@]*@(?:[^\s/@'\"]*@)*"
    r"|(?P<server>https?://)[^\s/:@'\"?#]+@",
    re.IGNORECASE,
)

_FEWEST_LETTERS = 4
"""Shorter passwords are hidden beside their user only, for texts have such letters of their own."""

_WELL_KNOWN = frozenset(("admin", "mlflow", "mysql", "optuna", "password", "postgres", "root", "test", "user"))
"""Passwords that are no secret, but words of sentences."""

_known: dict[str, str] = {}
"""What ``hide_passwords`` looks for beside addresses: the texts that give a password away, and what replaces each."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """What an address says of who asks: its rest without that, the user and the password; empty where it has none."""

    address: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """An address in parts: its beginning up to the slashes, the login as it was written, and the rest."""

    scheme: str = ""
    slashes: str = ""
    login: str = field(default="", repr=False)
    rest: str

    @property
    def is_server(self) -> bool:
        return self.scheme.lower() in SERVER_SCHEMES

    @property
    def beginning(self) -> str:
        return f"{self.scheme}:{self.slashes}" if self.scheme else ""


def split_login(address: str) -> Login:
    """Take user and password out of an address such as ``https://user:password@host/path``; they come unescaped.

    The login ends at the last ``@``. ``login_fault`` says whether another reading is as likely.
    """
    parts = _parts(address)
    user, _, password = parts.login.partition(":")
    return Login(address=f"{parts.beginning}{parts.rest}", user=unquote(user), password=unquote(password))


def login_fault(address: str) -> str:
    """Say what keeps the login of an address from being told from the rest, and the fix; empty where nothing does.

    An ``@`` behind a slash may end a password that has the slash, or be a sign of the path: whoever connects would send
    a part of the password to a host that it takes for another part of it. The sentence has nothing of the address.
    """
    parts = _parts(address)
    if not parts.login:
        return ""
    if not (parts.scheme and parts.slashes == "//"):
        return "has a login, but no scheme before it: begin it with a scheme and ://, such as https://"
    before = re.split(r"[/?#]", parts.login)[0]
    several = "@" in parts.login
    if before == parts.login:
        plain = parts.is_server or not several
    else:
        plain = not several and ":" in before and not _PORT.fullmatch(before)
    if plain:
        return ""
    return (
        "has an @ or a / that may belong to its login or not: write %40 for @, %2F for /, %3F for ? and %23 for # "
        "wherever they separate nothing"
    )


def without_password(address: str) -> str:
    """Give the address of a database or a server without its password and without parameters that may hold one.

    The user of a database stays, for its password may be known by it, as ``~/.pgpass`` knows it. That of a server goes
    too: it may be a token. Where nobody can tell the end of the login, all before the last ``@`` goes.
    """
    parts = _parts(address)
    user, _, _ = parts.login.partition(":")
    if parts.is_server or parts.slashes != "//" or re.search(r"[\s/?#@]", user) or (parts.login and not user):
        user = ""
    rest = parts.rest.partition("#")[0] if parts.is_server else parts.rest
    return _without_secret_parameters(f"{parts.beginning}{user}{'@' if user else ''}{rest}")


def with_password(address: str, *others: str | None) -> str:
    """Give the first of ``others`` that is ``address`` but for its password, else ``address`` itself."""
    return next((other for other in others if other and without_password(other) == address), address)


def remember(address: str) -> None:
    """Have ``hide_passwords`` find the login and the secret parameters of this address in every text from now on."""
    parts = _parts(address)
    user, _, password = parts.login.partition(":")
    secrets = [value for name, value in _parameters(parts.rest) if not _is_shown(name, value)]
    if parts.login and (password or parts.is_server):
        for form in _forms(address.strip()):
            _known[form] = _without_secret_parameters(f"{parts.beginning}{parts.rest}")
        for form in _forms(f"{parts.login}@"):
            _known[form] = ""
        secrets += [parts.login, password] if password != user else [parts.login]
    for secret in secrets:
        if len(secret) >= _FEWEST_LETTERS and unquote(secret).lower() not in _WELL_KNOWN:
            _known.update(dict.fromkeys(_forms(secret), HIDDEN))


def remember_argument(argument: str) -> None:
    """Do the same for a word of the command line, an option with its value too, where it is an address with a login."""
    value = argument.partition("=")[2] if re.match(r"-[\w-]*=", argument) else argument
    if _SCHEME.match(value.strip()):
        remember(value)


def hide_passwords(text: str) -> str:
    """Give a text, such as an error of a library, without the logins of the addresses in it.

    Those of addresses that ``remember`` knows are found wherever they stand and whatever signs they have.
    """
    if _known:
        longest_first = sorted(_known, key=len, reverse=True)
        known = re.compile("|".join(rf"{_edge(form[0], '<')}{re.escape(form)}" for form in longest_first))
        text = known.sub(lambda match: _known[match[0]], text)
    return _IN_TEXT.sub(lambda match: match["scheme"] or match["server"], text)


def _edge(sign: str, side: str) -> str:
    """What keeps a word from being found within another one."""
    return rf"(?{side}!\w)" if sign.isalnum() else ""


def _parts(address: str) -> _Parts:
    text = address.strip()
    match = _SCHEME.match(text)
    if match is None:
        if _PATH.match(text):
            return _Parts(rest=address)
        login, _, rest = text.rpartition("@")
        return _Parts(login=login, rest=rest)
    scheme, slashes, behind = match["scheme"], match["slashes"], text[match.end() :]
    is_file = scheme.lower().partition("+")[0] in _FILE_SCHEMES and len(slashes) > 2
    if is_file or (len(scheme) == 1 and slashes == "/"):
        return _Parts(scheme=scheme, slashes=slashes, rest=behind)
    login, _, rest = behind.rpartition("@")
    return _Parts(scheme=scheme, slashes=slashes, login=login, rest=rest)


def _forms(secret: str) -> Iterator[str]:
    """The ways in which texts write what was in an address."""
    for plain in {secret, unquote(secret)}:
        yield from (plain, quote(plain, safe=""), quote(plain), quote_plus(plain), repr(plain)[1:-1])
        yield from (json.dumps(plain)[1:-1], html.escape(plain), shlex.quote(plain))


def _parameters(address: str) -> list[tuple[str, str]]:
    return parse_qsl(address.partition("?")[2], keep_blank_values=True)


def _is_shown(name: str, value: str) -> bool:
    """Whether a parameter is known to be no secret; in older addresses a semicolon ends a parameter, too."""
    return name.lower() in _SHOWN_PARAMETERS and ";" not in value


def _without_secret_parameters(address: str) -> str:
    before, mark, _ = address.partition("?")
    if not mark:
        return address
    parameters = _parameters(address)
    kept = [(name, value) for name, value in parameters if _is_shown(name, value)]
    if kept and len(kept) == len(parameters):
        return address
    return f"{before}?{urlencode(kept)}" if kept else before
