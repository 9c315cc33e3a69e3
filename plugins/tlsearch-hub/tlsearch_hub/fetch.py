"""The command ``tlsearch-hub``: brings presets of KerasHub onto this machine."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tlsearch_hub.presets import presets_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 where all is well, 2 with a sentence where it is not."""
    parser = argparse.ArgumentParser(prog="tlsearch-hub", description="Presets of KerasHub for tlsearch.")
    commands = parser.add_subparsers(required=True)
    fetch = commands.add_parser("fetch", help="Bring a preset into the folder of presets.")
    fetch.add_argument(
        "preset",
        help="A name of KerasHub, such as vit_base_patch16_224_imagenet; a handle, such as hf://USER/NAME or "
        "kaggle://USER/MODEL/keras/NAME; or a folder.",
    )
    fetch.add_argument("--to", type=Path, help="The folder of presets.  [default: TLSEARCH_HUB_PRESETS]")
    given = parser.parse_args(arguments)
    try:
        folder = fetch_preset(given.preset, given.to or presets_folder())
    except Exception as error:  # KerasHub and the hubs' libraries raise kinds of their own
        what = " ".join(str(error).split())[:300]
        print(
            f"The preset {given.preset!r} could not be fetched ({type(error).__name__}: {what}): check its name and "
            "the network, or copy the folder of the preset from another machine.",
            file=sys.stderr,
        )
        return 2
    print(f"{folder} is ready. Next:\n  TLSEARCH_HUB_PRESET='{folder}' tlsearch run DATASET --backbone hub_preset")
    return 0


def fetch_preset(preset: str, presets: Path) -> Path:
    """Download a preset through KerasHub, and write its backbone and its scale of pixels into a folder of its name.

    Args:
        preset: What ``keras_hub.models.Backbone.from_preset`` takes.
        presets: The folder of presets, which is made where it is missing.

    Returns:
        The folder of the preset. One that is in its place already stays as it is.
    """
    import keras_hub

    backbone = keras_hub.models.Backbone.from_preset(preset)
    if "://" not in preset and _is_same(Path(preset), presets / name_of(preset)):
        return presets / name_of(preset)
    presets.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=presets, prefix=".") as temporary:
        made = Path(temporary) / "preset"
        backbone.save_to_preset(str(made))
        try:
            converter = keras_hub.layers.ImageConverter.from_preset(preset)
        except (ValueError, FileNotFoundError):  # it has none; the family's scale is taken
            converter = None
        if converter is not None:
            converter.save_to_preset(str(made))
        folder = presets / name_of(preset)
        _put_in_place(made, folder, Path(temporary) / "former")
    return folder


def _is_same(one: Path, other: Path) -> bool:
    return one.is_dir() and other.is_dir() and one.samefile(other)


def _put_in_place(made: Path, folder: Path, former: Path) -> None:
    """Rename ``made`` to ``folder``; one that is there before goes to ``former``, and comes back where that fails."""
    if folder.exists():
        folder.rename(former)
    try:
        made.rename(folder)
    except OSError:
        if former.exists():
            former.rename(folder)
        raise


def name_of(preset: str) -> str:
    """Give the name of a preset's folder: that of a folder, or the last part of a handle that is not a version."""
    if "://" not in preset and Path(preset).is_dir():
        return Path(preset).resolve().name or "preset"
    parts = [part for part in preset.split("://")[-1].split("/") if part not in ("", ".", "..")]
    return next((part for part in reversed(parts) if not part.isdigit()), "preset")
