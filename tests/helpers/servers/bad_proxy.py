"""A server in front of an MLflow server that misbehaves: it refuses, it sleeps, it asks for a password, it speaks TLS.

Without an MLflow server behind it, it answers what opening an experiment asks.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE = b"<html>\n<title>no</title>\n<h1>nginx</h1></html>"
EXPERIMENT = {
    "experiment_id": "1",
    "name": "x",
    "lifecycle_stage": "active",
    "artifact_location": "mlflow-artifacts:/1",
}

# Where no server is behind: what is asked for by the end of the path.
_ANSWERS = {"experiments/search": {"experiments": []}, "experiments/get-by-name": {"experiment": EXPERIMENT}}


@dataclass(kw_only=True)
class Behaviour:
    """How the server behaves; it may be changed while it serves.

    Attributes:
        behind: The address of the server behind; empty for none.
        refuse: Statuses by the beginning of the path, or by what stands in it.
        delay: Seconds before every answer.
        login: ``user:password`` that a request must have.
        asked: The methods and paths that were asked for.
        logins: The headers ``Authorization`` that came.
    """

    behind: str = ""
    refuse: dict[str, int] = field(default_factory=dict)
    delay: float = 0.0
    login: str = ""
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@contextmanager
def bad_proxy(behaviour: Behaviour, certificate: Path | None = None) -> Iterator[str]:
    """The address of such a server, for as long as the block lasts. ``certificate`` holds a key too."""

    class Handler(_Handler):
        how = behaviour

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    how: Behaviour

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.how.asked.append(f"{self.command} {self.path}")
        self.how.logins.append(self.headers.get("Authorization", ""))
        time.sleep(self.how.delay)
        status = next((status for part, status in self.how.refuse.items() if part in self.path), 0)
        wanted = f"Basic {base64.b64encode(self.how.login.encode()).decode()}"
        if self.how.login and self.how.logins[-1] != wanted:
            return self._answer(401, b"You are not authenticated.")
        if status:
            return self._answer(status, PAGE)
        return self._forward(body) if self.how.behind else self._made_up()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - what http.server calls

    def _made_up(self) -> None:
        path = self.path.partition("?")[0]
        found: Any = next((answer for end, answer in _ANSWERS.items() if path.endswith(end)), None)
        self._answer(404 if found is None else 200, PAGE if found is None else json.dumps(found).encode())

    def _forward(self, body: bytes) -> None:
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        request = urllib.request.Request(self.how.behind + self.path, body or None, kept, method=self.command)
        try:
            with urllib.request.urlopen(request) as got:
                self._answer(got.status, got.read(), got.headers.get("Content-Type"))
        except urllib.error.HTTPError as got:
            self._answer(got.code, got.read(), got.headers.get("Content-Type"))
        except OSError as error:
            self._answer(502, str(error).encode())

    def _answer(self, status: int, body: bytes, kind: str | None = None) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind or "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # who asked may have gone
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Nothing on the screen of the tests."""


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody has signed, in one file."""
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file = folder / "certificate.pem"
    file.write_bytes(text + made.public_bytes(serialization.Encoding.PEM))
    return file
