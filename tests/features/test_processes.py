"""Several processes that use one feature store at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.features.test_store import files

SHARING = """
import sys
from pathlib import Path
import numpy as np
from tlsearch.features.store import FeatureStore
store, rng = FeatureStore(Path(sys.argv[1]), 60_000), np.random.default_rng(int(sys.argv[2]))
hits = 0
for _ in range(400):
    number = int(rng.integers(8))
    wanted = np.full((50, 50), number, np.float32)
    found = store.get({"what": "map", "view": number})
    if found is None:
        with store.writing({"what": "map", "view": number}, wanted.shape, "float32") as target:
            if target is not None:
                target[:] = wanted
    else:
        hits += 1
        assert (np.asarray(found) == wanted).all(), number
print(hits)
"""


def test_processes_share_a_folder(tmp_path: Path) -> None:
    """Eight arrays in a store with room for five, so that they are made, read and evicted under each other's eyes."""
    command = [sys.executable, "-c", SHARING, str(tmp_path)]
    running = [
        subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for seed in range(3)
    ]
    outputs = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], outputs
    assert all(int(out) > 50 for out, _ in outputs)
    assert files(tmp_path) == {".npy"}
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 60_000 + 3 * 11_000


WORKING = """
import sys, time
from pathlib import Path
import numpy as np
from tlsearch.features.store import FeatureStore
store, key = FeatureStore(Path(sys.argv[1]), 10**6), {"what": "a view"}
with store.one_at_a_time(key):
    found = store.get(key)
    if found is None:
        print("computed", flush=True)
        with store.writing(key, (3,), "float32") as target:
            time.sleep(0.5)
            target[:] = 1
"""


def test_what_two_processes_want_at_once_is_computed_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKING, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = "".join(process.communicate(timeout=60)[0] for process in processes)
    assert printed == "computed\n"
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert files(tmp_path) == {".npy"}
