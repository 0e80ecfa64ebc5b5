"""Capture of stock Keras 3 models, on every backend: ``model.provenance(...)``."""

from dlprov.capture.keras.adapter import provenance
from dlprov.capture.keras.registry import enable_autocapture

__all__ = ["enable_autocapture", "provenance"]
