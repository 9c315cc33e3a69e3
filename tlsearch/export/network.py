"""The network as it is exported: that of a model folder with its temperature inside, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.data.images.rgb import PADDING, draft_side
from tlsearch.errors import UsageError
from tlsearch.export.contract import ExportedNetwork
from tlsearch.export.place import file_hash
from tlsearch.export.sidecar import SETS_KEY, UNLIKE_KEY, thresholds
from tlsearch.models.temperature import LEAST
from tlsearch.predictor import MODEL_FILE, Predictor
from tlsearch.uncertainty.distance import with_distance
from tlsearch.uncertainty.reference import REFERENCE_FILE

if TYPE_CHECKING:
    import keras


def exported_network(predictor: Predictor, room: Path, *, unlike: bool = False) -> ExportedNetwork:
    """Give the network that answers as ``predictor.predict`` does, once a picture is a square of RGB values.

    Args:
        predictor: The model.
        room: A folder for what formats are made of; it must last as long as the network.
        unlike: Whether it also says how far a picture is from the training images.

    Raises:
        UsageError: It is to say that, and the model has no reference images.
    """
    temperature, reference = predictor.applied_temperature(), predictor.reference
    model = predictor.model if temperature is None else with_temperature(predictor.model, temperature.value)
    fields = metadata(predictor)
    if unlike:
        if reference is None:
            raise UsageError(
                f"{predictor.folder} holds no {REFERENCE_FILE} to compare pictures with: leave --unlike out, or run "
                "again to make a model that has one."
            )
        model, fields[UNLIKE_KEY] = with_distance(model, reference), str(reference.furthest)
    return ExportedNetwork(
        model=model,
        metadata=fields,
        labels=predictor.labels,
        room=room,
        source=file_hash(predictor.folder / MODEL_FILE),
    )


def with_temperature(model: keras.Model, temperature: float) -> keras.Model:
    """Give the model whose logits are divided by ``temperature``; no two classes change places.

    Where it does not end in a softmax of its own, the logarithms of its probabilities are divided, which is the same
    (``divide_by_temperature``) but less exact in a small precision.
    """
    import keras

    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        logits = last.input
    else:
        logits = keras.ops.log(keras.ops.maximum(model.output, LEAST))
    cooled = keras.layers.Rescaling(1.0 / temperature, dtype="float32", name="temperature")(logits)
    return keras.Model(model.input, keras.layers.Softmax(dtype="float32", name="probabilities")(cooled))


def metadata(predictor: Predictor) -> dict[str, str]:
    """Give what the file says of itself: every value is a text, lists are JSON."""
    from importlib.metadata import version

    side, decoding = predictor.image_size, predictor.decoding
    temperature = predictor.applied_temperature()
    fields: dict[str, Any] = {
        "labels": json.dumps(list(predictor.labels), ensure_ascii=False),
        "input": f"RGB values 0..255 as floats of shape (N, {side}, {side}, 3)",
        "output": "probabilities of shape (N, classes), in the order of labels",
        "image_size": side,
        "decode_size": predictor.decode_size,
        "resize": decoding.resize,
        "filter": "bilinear, antialiased (Pillow's, with reducing_gap 3)",
        "jpeg_draft": draft_side(predictor.decode_size),
        "temperature": "1 (none)" if temperature is None else temperature.value,
        "backbone": predictor.config.get("backbone"),
        "weights": predictor.config.get("weights"),
        "made_by": f"tlsearch {version('tlsearch')}",
    }
    if predictor.conformal is not None:
        fields[SETS_KEY] = json.dumps(thresholds(predictor.conformal))
    if decoding.window is not None:
        fields["window"] = json.dumps(list(decoding.window))
    if decoding.resize == "pad":
        fields["padding"] = json.dumps(list(PADDING))
    return {name: str(value) for name, value in fields.items() if value is not None}
