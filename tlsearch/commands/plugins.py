"""``tlsearch plugins``: what is installed."""

from __future__ import annotations

import json

import click


@click.group(short_help="Backbones and augmentations that are installed.")
def plugins() -> None:
    """Shows the installed backbones and augmentations."""


@plugins.command("list", short_help="List them, with version and state.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.  [default: off]")
def list_plugins(as_json: bool) -> None:
    """Lists every plugin with where it comes from; a broken one with the reason."""
    from tlsearch.registry import GROUPS, BrokenPlugin, load_all

    outcomes = [outcome for kind in GROUPS for found in load_all(kind) for outcome in found]
    rows = [
        {
            "kind": outcome.entry.kind,
            "name": outcome.entry.name,
            "distribution": outcome.entry.distribution,
            "version": outcome.entry.version,
            "target": outcome.entry.target,
            "status": "broken" if isinstance(outcome, BrokenPlugin) else "ok",
            "reason": outcome.reason if isinstance(outcome, BrokenPlugin) else "",
        }
        for outcome in outcomes
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    wide = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        origin = f"{row['distribution']} {row['version']}".strip()
        note = f"   broken: {row['reason']}" if row["reason"] else ""
        click.echo(f"{row['kind']:<14}{row['name']:<{wide + 3}}{origin}{note}")
