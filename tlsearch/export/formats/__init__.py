"""The formats that a model can be exported to, by their names."""

from __future__ import annotations

from tlsearch.export.contract import Format
from tlsearch.export.formats.keras_file import KerasFile
from tlsearch.export.formats.litert import LiteRT
from tlsearch.export.formats.onnx_file import Onnx
from tlsearch.export.formats.openvino_ir import OpenVino
from tlsearch.export.formats.saved_model import SavedModel

FORMATS: dict[str, Format] = {form.name: form for form in (Onnx(), LiteRT(), SavedModel(), OpenVino(), KerasFile())}
"""A new format is a module of this package and an entry here."""
