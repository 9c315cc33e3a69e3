"""The model that a run leaves behind, put to use: pictures in, class names and probabilities out.

A model folder holds ``model.keras`` (RGB floats 0..255 of shape (N, S, S, 3) in, probabilities out),
``labels.json`` (class names in the order of the outputs) and ``config.json`` (``image_size``: S, ``decode_size``: the
size at which the run kept its pixels, ``window``, ``resize`` and ``max_pixels``: see ``rgb.Decoding``, and
``calibration``: see ``Temperature``). Test figures of a run come from this code, on the original files and without the
temperature.
"""

from tlsearch.predictor.folder import (
    CONFIG_FILE,
    LABELS_FILE,
    MODEL_FILE,
    ModelError,
    has_config,
    read_config,
    update_config,
    write_config,
)
from tlsearch.predictor.loading import load
from tlsearch.predictor.measure import measure_latency, model_megabytes
from tlsearch.predictor.pictures import find_pictures
from tlsearch.predictor.prediction import Prediction
from tlsearch.predictor.predictor import Predictor
from tlsearch.predictor.sources import Pictures

__all__ = [
    "CONFIG_FILE",
    "LABELS_FILE",
    "MODEL_FILE",
    "ModelError",
    "Pictures",
    "Prediction",
    "Predictor",
    "find_pictures",
    "has_config",
    "load",
    "measure_latency",
    "model_megabytes",
    "read_config",
    "update_config",
    "write_config",
]
