"""What a contributor does: ``nox -s tests``, ``lint``, ``docs``, ``build``, ``coverage``, ``soak`` and others.

Arguments follow ``--``.
"""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "none"  # the active environment; `nox --force-venv-backend venv` makes one a session
nox.options.sessions = ["lint", "tests", "docs", "build"]


def install(session: nox.Session) -> None:
    """Install tlsearch with its tools where the session has an environment of its own."""
    if not isinstance(session.virtualenv, nox.virtualenv.PassthroughEnv):
        session.install("-c", ".ci/constraints.txt", "-e", ".[dev]")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests."""
    install(session)
    session.run("pytest", *session.posargs, external=True)
    if not session.posargs:
        session.run("pytest", "-m", "slow or cluster", external=True)


@nox.session
def networks(session: nox.Session) -> None:
    """Check every built-in network, the large ones too: about an hour."""
    install(session)
    session.run("pytest", "-m", "networks", external=True)


@nox.session
def backends(session: nox.Session) -> None:
    """Check every built-in network with TensorFlow and with JAX, and compare what they compute: about two hours."""
    install(session)
    if not isinstance(session.virtualenv, nox.virtualenv.PassthroughEnv):
        session.install("jax")
    session.run("python", "-m", "benchmarks.robustness.backends", *session.posargs, external=True)
    session.run("pytest", "-m", "slow", "-k", "jax", "tests/explain/test_maps.py", external=True)


@nox.session
def soak(session: nox.Session) -> None:
    """Break an MLflow server on PostgreSQL, its disk and the workers for five minutes, and check what is recorded."""
    install(session)
    session.run("python", "-m", "benchmarks.robustness.soak", *(session.posargs or ("--minutes", "5")), external=True)


@nox.session
def coverage(session: nox.Session) -> None:
    """Say which lines the tests do not reach, those of worker processes included."""
    install(session)
    session.run("pytest", "--cov", "--cov-report=term", *session.posargs, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and types."""
    install(session)
    session.run("ruff", "check", ".", external=True)
    session.run("ruff", "format", "--check", ".", external=True)
    session.run("mypy", "--strict", external=True)
    session.run("lint-imports", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site, with warnings as errors, and run the example notebooks."""
    install(session)
    session.run("mkdocs", "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"}, external=True)
    session.run("python", "-m", "benchmarks.render_figures", "--check", external=True)
    session.run("jupyter", "execute", "--timeout=900", "examples/notebooks/quickstart.ipynb", external=True)


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel and the source distribution."""
    install(session)
    session.run("python", "-m", "build", *session.posargs, external=True)
