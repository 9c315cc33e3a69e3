"""Hooks of MkDocs: they put what follows from the code into the pages of the reference."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))

import commands
import generate

SCHEMA_PAGE = "reference/result.schema.json"

_PARTS = {
    "configuration": generate.configuration_table,
    "records": generate.record_tables,
    "commands": commands.command_pages,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the JSON Schema of result.json to the site."""
    text = json.dumps(generate.json_schema(), indent=2) + "\n"
    files.append(File.generated(config, SCHEMA_PAGE, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace ``<!-- generated: NAME -->`` by the part of that name."""
    return re.sub(r"<!-- generated: (\w+) -->", lambda mark: _PARTS[mark[1]](), markdown)
