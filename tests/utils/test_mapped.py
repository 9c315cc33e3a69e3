"""Arrays in files, on file systems that map them and on those that do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.poor_files import poor
from tlsearch.utils import mapped
from tlsearch.utils.mapped import create_array, map_fault, open_array, read_rows, scratch_array

# What the product does with arrays, in a process for which the folder maps no files.
PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from tlsearch.features.store import FeatureStore
from tlsearch.utils.mapped import HeldArray, create_array, map_fault, open_array, read_rows, scratch_array
folder = Path(sys.argv[1])
print(map_fault(folder), "|", map_fault(folder.parent))
array = create_array(folder / "new.npy", (40, 5), "float32")
array[:] = np.arange(200).reshape(40, 5)
array.flush()
again = open_array(folder / "new.npy")
print(type(array).__name__, type(again).__name__, again.flags.writeable, float(again[39, 4]))
scratch = scratch_array(folder, (3, 3), "uint8")
scratch[:] = 1
print(int(scratch.sum()), type(scratch).__name__)
with (folder / "rows").open("w+b") as file:
    file.write(bytes(range(60)))
    print(read_rows(file, 15, (4,), [2, 14]).tolist(), read_rows(file, 15, (4,), slice(1, 2)).tolist())
store = FeatureStore(folder, 10**6)
for _ in range(2):
    kept = store.get({"a": 1})
    print(None if kept is None else float(kept[1]))
    with store.writing({"a": 1}, (2,), "float32") as values:
        values[:] = [3, 4]
"""

SAID = """\
No such device |
HeldArray ndarray False 199.0
9 ndarray
[[8, 9, 10, 11], [56, 57, 58, 59]] [[4, 5, 6, 7]]
None
4.0
"""


def test_without_maps_arrays_are_read_and_written(tmp_path: Path) -> None:
    folder = tmp_path / "poor"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env=os.environ | poor(maps=folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert [line.strip() for line in done.stdout.splitlines()] == SAID.splitlines()
    # Whoever maps the files finds the same.
    assert isinstance(found := open_array(folder / "new.npy"), np.memmap)
    assert found[39].tolist() == [195, 196, 197, 198, 199]


def test_with_maps_nothing_is_held_in_memory(tmp_path: Path) -> None:
    assert map_fault(tmp_path) == ""
    array = create_array(tmp_path / "new.npy", (4,), "uint8")
    assert isinstance(array, np.memmap)
    assert isinstance(scratch_array(tmp_path, (4,), "uint8"), np.memmap)
    with (tmp_path / "rows").open("w+b") as file:
        file.write(bytes(range(60)))
        assert read_rows(file, 15, (4,), np.array([2, 14])).tolist() == [[8, 9, 10, 11], [56, 57, 58, 59]]


def test_an_array_that_memory_cannot_hold_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(np.lib.format, "open_memmap", refuse)
    monkeypatch.setattr(mapped, "usable_memory", lambda: 1000)
    with pytest.raises(OSError, match="files there cannot be mapped, and memory has"):
        create_array(tmp_path / "new.npy", (501,), "uint8")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_may_not_be_opened_is_no_refusal_to_map(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_array(tmp_path / "none.npy")
    with pytest.raises(IsADirectoryError):
        create_array(tmp_path, (4,), "uint8")
