"""The model that MLflow keeps, as code: MLflow copies this file beside the weights and runs it to load them.

It stands alone, so that a logged model loads where tlsearch is not installed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class ImageClassifier(PythonModel):
    """RGB images in, class names and probabilities out."""

    def load_context(self, context: Any) -> None:
        """Loads ``model.keras`` and ``labels.json`` from the artifact ``model``."""
        import keras

        folder = Path(context.artifacts["model"])
        self.model = keras.saving.load_model(folder / "model.keras", compile=False)
        self.classes = json.loads((folder / "labels.json").read_text(encoding="utf-8"))

    # MLflow warns of every other type of input, and of none.
    def predict(
        self,
        context: Any,
        model_input: np.ndarray,
        params: dict[str, Any] | None = None,
    ) -> Any:
        """A data frame with a row for each image of ``model_input``, shape (N, H, W, 3), values 0..255:
        ``label``, its ``probability``, and ``probabilities`` of all classes in the order of
        ``labels.json``."""
        import pandas as pd  # type: ignore[import-untyped]  # its stubs are not installed

        images = np.asarray(model_input)
        side = self.model.inputs[0].shape[1]
        if images.shape[1:3] != (side, side):
            images = np.stack([_resize(image, side) for image in images])
        rows = np.asarray(self.model.predict(images.astype("float32"), verbose=0), dtype="float64")
        best = rows.argmax(axis=1)
        return pd.DataFrame(
            {
                "label": [self.classes[i] for i in best],
                "probability": rows[np.arange(len(rows)), best],
                "probabilities": rows.tolist(),
            }
        )


def _resize(image: Any, side: int) -> Any:
    """The whole image squeezed into a square with antialiased bilinear interpolation."""
    from PIL import Image

    pixels = np.clip(np.rint(image), 0, 255).astype("uint8")
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))


set_model(ImageClassifier())
