"""What draws: matplotlib, loaded so that no setting for windows or notebooks is in its way."""

from __future__ import annotations

import os

from tlsearch.errors import UsageError
from tlsearch.utils.home import home_may_be_written, user_folder

_BACKEND = "MPLBACKEND"


def load_matplotlib() -> None:
    """Import matplotlib, whatever MPLBACKEND says: charts are written into files and never shown.

    Importing it fails where that variable names what this matplotlib does not know, as the one of another environment's
    notebook may. The variable is as before when this is over.

    Raises:
        UsageError: matplotlib or Jinja, which the report is made with, cannot be imported.
    """
    if not home_may_be_written():  # matplotlib would complain, and look for its fonts each time
        os.environ.setdefault("MPLCONFIGDIR", str(user_folder("cache") / "matplotlib"))
    before = os.environ.pop(_BACKEND, None)
    try:
        import jinja2  # noqa: F401
        import matplotlib.figure  # noqa: F401
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise UsageError(f"The report cannot be drawn ({what}): install tlsearch again with its packages.") from error
    finally:
        if before is not None:
            os.environ[_BACKEND] = before
