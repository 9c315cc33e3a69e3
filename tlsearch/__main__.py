"""``python -m tlsearch`` is the same as ``tlsearch``."""

from __future__ import annotations

from tlsearch.cli.main import main

if __name__ == "__main__":
    main()
