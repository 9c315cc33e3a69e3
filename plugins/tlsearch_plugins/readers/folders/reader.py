"""Folders of images whose names are the labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast
from unicodedata import normalize

from tlsearch.errors import DataError, UsageError
from tlsearch.folders.archives import is_archive
from tlsearch.folders.boxes.find import FoundBoxes
from tlsearch.folders.walk import Folder, Skipped, relative_name
from tlsearch.plugin_api import Item, Reading, ReadingOptions
from tlsearch.plugins.kinds.reader import PartName
from tlsearch.utils.texts import some
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.boxes import take_out, with_boxes
from tlsearch_plugins.readers.example import write_example
from tlsearch_plugins.readers.folders import masks
from tlsearch_plugins.readers.folders.chosen import LAYOUTS
from tlsearch_plugins.readers.folders.class_names import match_parts
from tlsearch_plugins.readers.folders.inspect import enter, listed
from tlsearch_plugins.readers.folders.kept_apart import require_no_test_in_training
from tlsearch_plugins.readers.folders.layout import ClassFolder, Layout
from tlsearch_plugins.readers.folders.lists import lists_beside
from tlsearch_plugins.readers.folders.named_parts import Places, read_named_parts
from tlsearch_plugins.readers.folders.numbered import remark_numbered
from tlsearch_plugins.readers.folders.pruned import Pruning
from tlsearch_plugins.readers.folders.rules import understand

NO_CLASS_FOLDER = "it lies in no class folder"

ARCHIVE = "it is an archive of its own; unpack it, and name the folder that holds its images"


class FolderReader:
    """Folders of images whose names are the labels."""

    api_version = 1
    name = "folders"
    general = True

    def accepts(self, source: str) -> bool:
        """Every folder."""
        return Path(source).is_dir()

    def read(self, source: str, options: ReadingOptions) -> Reading:
        """The images of a folder of class folders, in any of the layouts of ``rules.RULES``."""
        path = Path(source)
        _require_no_table_options(path, options)
        pruning = Pruning(options.exclude)
        tree = pruning.walk(path)
        root, entered = (tree.root, []) if options.parts else enter(tree.root)
        places = Places(root, tree.root)
        if options.parts:
            layout = read_named_parts(root, options, places, pruning)
        else:
            pruning.require_all_used(path)
            layout = understand(root) if options.layout == "auto" else _as_chosen(path, root, options.layout)
        masks.leave_out(layout)
        boxes = take_out([tree.root, *layout.parents], layout)
        if options.layout == "auto":
            require_no_test_in_training(layout)
        _require_no_lost_folder([*entered, *layout.parents])
        match_parts(path, layout, options.parts)
        if options.layout == "auto":
            layout.notes += remark_numbered(layout)
        inside = [f"entered {root.relative}, the only folder with images"] if entered else []
        return Reading(
            root=root.path,
            items=tuple(sorted(with_boxes(_items(layout, places), boxes), key=lambda item: item.path)),
            skipped=tuple(sorted(_skipped(layout, entered, places, boxes), key=lambda entry: entry.path)),
            passed_over=dict(sorted(tree.passed_over.items())),
            understood=(*inside, *_parts(layout, places), *boxes.understood, *pruning.understood),
            notes=(*layout.notes, *boxes.notes, *lists_beside([tree.root, *entered, root], boxes.used)),
        )

    def example(self, folder: Path) -> str:
        """Two classes of four images."""
        write_example(folder, {f"{name}/{number}.png": name for name in ("cat", "dog") for number in range(4)})
        return str(folder)


def _require_no_table_options(path: Path, options: ReadingOptions) -> None:
    """Raise ``UsageError`` where the user means a table, and this folder is read by the names of its folders."""
    given = [*(["images"] if options.images is not None else []), *(f"{role}-column" for role in options.columns)]
    if given:
        raise UsageError(
            f"--{given[0]} is for tables, and the labels of {path} are the names of its folders: leave it out, or name "
            "the table instead of the folder."
        )


def _as_chosen(path: Path, root: Folder, name: str) -> Layout:
    """The layout that the user chooses. Raises ``DataError`` where it finds no class folder among folders of images."""
    layout = LAYOUTS[name](root)
    if not layout.classes and root.image_folders:
        raise DataError(
            f"--layout {name} finds no class folder in {path}, where {listed(root.image_folders)} hold images: leave "
            "it out, or say --layout classes where these folders are classes."
        )
    return layout


def _require_no_lost_folder(parents: Sequence[Folder]) -> None:
    """Raise ``DataError`` where a folder that may be a class cannot be read: the others are another question."""
    for parent in parents:
        if parent.lost:
            lost = parent.lost[0]
            name = relative_name(lost.path.name)
            raise DataError(
                f"The folder {relative_name(str(lost.path))} may be a class, but {lost.reason}: make it readable, or "
                f"leave it out with --exclude {name!r}."
            )


def _items(layout: Layout, places: Places) -> Iterator[Item]:
    for found in layout.classes:
        label = frozenset((normalize("NFC", found.name),))
        prefix = places.prefix_of(found.folder.path)
        for file in found.folder.all_files():
            yield Item(
                path=places.name_of(file),
                file=file,
                labels=label,
                split=cast("PartName | None", found.split),
                fold=found.fold,
                prefix=prefix,
            )


def _skipped(layout: Layout, entered: Sequence[Folder], places: Places, boxes: FoundBoxes) -> Iterator[Skipped]:
    """Images beside the class folders, folders without images or boxes, and what cannot be used."""
    used = [found.folder for found in layout.classes]
    left_out = [item.folder for item in layout.left_out]
    for parent in {id(folder): folder for folder in (*entered, *layout.parents)}.values():
        yield from (Skipped(places.name_of(file), NO_CLASS_FOLDER) for file in parent.images)
        yield from (Skipped(places.name_of(file), ARCHIVE) for file in parent.files if is_archive(file.name))
        yield from (Skipped(places.name_of(entry.path), entry.reason) for entry in parent.refused)
        for folder in parent.folders:
            if not folder.holds_images and folder not in left_out and boxes.used.isdisjoint(folder.all_files()):
                yield from _without_images(folder, places)
    for folder in used:
        yield from (Skipped(places.name_of(entry.path), entry.reason) for entry in folder.all_refused())
    yield from (Skipped(places.name_of(file), reason) for file, reason in layout.left_out_files.items())
    yield from (Skipped(places.name_of(file), reason) for file, reason in boxes.damaged.items())
    for item in layout.left_out:
        count = item.folder.count_images()
        yield Skipped(places.name_of(item.folder.path), f"{item.reason} ({counted(count, 'image')})", count)


def _without_images(folder: Folder, places: Places) -> Iterator[Skipped]:
    """The archives in a folder without images, or else the folder itself."""
    archives = [file for file in folder.all_files() if is_archive(file.name)]
    yield from (Skipped(places.name_of(file), ARCHIVE) for file in archives)
    if not archives:
        yield Skipped(places.name_of(folder.path), "the folder holds no image")


def _parts(layout: Layout, places: Places) -> Iterator[str]:
    """A line for each part or fold, with the folders that its classes lie in; one for the classes otherwise."""
    held: dict[str, list[ClassFolder]] = defaultdict(list)
    for found in layout.classes:
        held[found.split or found.fold or "classes"].append(found)
    for name in sorted(held, key=_order):
        folders = list(dict.fromkeys(_parent(places.name_of(found.folder.path)) for found in held[name]))
        where = some([folder or "." for folder in folders], 3)
        classes = len({found.name for found in held[name]})
        files = sum(1 for found in held[name] for _ in found.folder.all_files())
        folds = {found.fold for found in held[name] if found.split and found.fold}
        more = f", {counted(len(folds), 'fold')}" if folds else ""
        yield f"{name}: {where} ({counted(classes, 'class', 'classes')}, {counted(files, 'file')}{more})"


def _order(name: str) -> tuple[int, str]:
    known = ("classes", "train", "val", "test")
    return (known.index(name) if name in known else len(known), name)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
