"""Values as the run log writes them: exact, and readable by every JSON parser.

JSON has no NaN and no infinities, and encoders write them as ``null``. So, in a *value* (a hyperparameter, an
attribute, a tag), what JSON cannot hold is an object with the key ``"@"`` that names its type:

========================  ================================================
Python                    JSON
========================  ================================================
``nan``, ``inf``, ``-inf``  ``{"@": "float", "v": "NaN" | "Infinity" | "-Infinity"}``
``bytes``                 ``{"@": "bytes", "v": base64}``
a dict with a key ``"@"``  ``{"@": "object", "v": [[key, value], …]}``
========================  ================================================

In a *metric*, which is always a number, the bare strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` stand
for themselves. Finite floats are written with the shortest digits that read back to the same bits, integers
with all their digits.
"""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Mapping
from typing import Any

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_MAX_ITEMS = 10_000
"""A longer array is described instead of written: values are settings, not data."""


def encode_float(number: float) -> float | str:
    """A float as a metric writes it: itself, or the name of a non-finite value."""
    if math.isfinite(number):
        return number
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def encode_number(number: Any) -> float | int | str:
    """A metric value as written in the log.

    Accepts Python numbers, booleans (as 0 and 1), and everything with ``item()`` that gives one of those: NumPy
    scalars, arrays and tensors of one element.

    Raises:
        TypeError: the value is not one number.
    """
    if type(number) is float:
        return encode_float(number)
    if isinstance(number, int):
        return int(number)
    if isinstance(number, float):
        return encode_float(float(number))
    item = getattr(number, "item", None)
    if item is not None:
        try:
            scalar = item()
        except (TypeError, ValueError):
            # Arrays of more than one element land here.
            raise TypeError(f"a metric is one number, got {_describe(number)}") from None
        if isinstance(scalar, int | float):
            return encode_number(scalar)
    elif hasattr(number, "__float__"):  # Decimal, Fraction
        return encode_float(float(number))
    numpy = getattr(number, "numpy", None)  # TensorFlow's tensors
    if numpy is not None:
        return encode_number(numpy())
    raise TypeError(f"a metric is one number, got {_describe(number)}")


def encode(value: Any) -> Any:
    """Any Python value as the log writes it. Never raises; what has no faithful form is written as its ``repr``."""
    kind = type(value)
    if kind is str:
        return encode_text(value)
    if value is None or kind is bool or kind is int:
        return value
    if kind is float:
        number = encode_float(value)
        return number if type(number) is float else {"@": "float", "v": number}
    try:
        return _encode_other(value)
    except Exception:  # noqa: BLE001 - a property or a __repr__ of foreign code may raise anything
        return f"<{kind.__module__}.{kind.__qualname__}>"


def encode_mapping(mapping: Mapping[Any, Any]) -> dict[str, Any]:
    """Named values as the log writes them. Never raises."""
    return {encode_text(str(name)): encode(value) for name, value in mapping.items()}


def encode_text(text: str) -> str:
    r"""``text`` with lone surrogates, which no UTF-8 file can hold, written as ``\\udXXX``."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def decode(value: Any) -> Any:
    """The Python value that :func:`encode` wrote."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("@")
    if kind is None:
        return {key: decode(item) for key, item in value.items()}
    inner = value.get("v")
    if kind == "float":
        return NON_FINITE.get(str(inner), math.nan)
    if kind == "bytes":
        return base64.b64decode(str(inner))
    if kind == "object" and isinstance(inner, list):
        return {pair[0]: decode(pair[1]) for pair in inner}
    return value  # a type of a later minor version of the format


def _encode_other(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return encode_text(os.fsdecode(os.fspath(value)))
    if isinstance(value, str):
        return encode_text(str.__str__(value))
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return encode(float(value))
    if isinstance(value, bytes | bytearray):
        return {"@": "bytes", "v": base64.b64encode(bytes(value)).decode("ascii")}
    if isinstance(value, dict):
        return _encode_mapping(value)
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((encode(item) for item in value), key=repr)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "tolist"):
        return encode(value.tolist()) if math.prod(shape) <= _MAX_ITEMS else _describe(value)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', '')}.{value.__qualname__}"
    return encode_text(repr(value))


def _encode_mapping(mapping: dict[Any, Any]) -> Any:
    encoded = {encode_text(str(key)): encode(item) for key, item in mapping.items()}
    if "@" in encoded:
        return {"@": "object", "v": [[key, item] for key, item in encoded.items()]}
    return encoded


def _describe(value: Any) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{name} of shape {tuple(shape)}"
    text = repr(value)
    return f"{name} {text if len(text) <= 60 else text[:57] + '…'}"
