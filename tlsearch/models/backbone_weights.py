"""The weights of a backbone as a file that its plugin loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tlsearch import backend
from tlsearch.errors import WeightsError
from tlsearch.models import partition
from tlsearch.plugins.api import Backbone
from tlsearch.types import AnyArray
from tlsearch.utils.files import atomic_path

SUFFIX = ".weights.h5"
"""What the names of files end in that Keras writes weights into."""


def save_weights(plugin: Backbone, image_size: int, values: Sequence[AnyArray], file: Path) -> None:
    """Write ``values``, the weights of the backbone in the order of ``get_weights``, into ``file`` (.weights.h5).

    The file is read back as the plugin reads it.

    Raises:
        WeightsError: The plugin does not take the file, or gives other values than were written.
    """
    model = partition.build(plugin, image_size, None, backend.FLOAT32)
    model.set_weights(list(values))
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(file) as temporary:
        whole = temporary.with_name(temporary.name + SUFFIX)  # Keras insists on the ending
        try:
            model.save_weights(str(whole))
            whole.replace(temporary)
        finally:
            whole.unlink(missing_ok=True)
    again = partition.build(plugin, image_size, file, backend.FLOAT32).get_weights()
    if not all(np.array_equal(one, other) for one, other in zip(values, again, strict=True)):
        raise WeightsError(
            f"The backbone {plugin.name} does not load the weights that it has saved: its author must have build() "
            "take what save_weights() wrote."
        )
