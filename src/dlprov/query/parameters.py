"""Values of parameters on their way to a service, as JSON that keeps their types.

As in a run log (:mod:`dlprov.log.values`), what JSON cannot hold is an object with the key ``"@"`` that names its type;
here times, decimals and identifiers keep theirs, too.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from dlprov.errors import QueryError
from dlprov.log.values import NON_FINITE, encode_float

_BY_TEXT: dict[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    # A datetime is a date, too, so it comes first.
    "datetime": (dt.datetime, dt.datetime.isoformat, dt.datetime.fromisoformat),
    "date": (dt.date, dt.date.isoformat, dt.date.fromisoformat),
    "time": (dt.time, dt.time.isoformat, dt.time.fromisoformat),
    "timedelta": (
        dt.timedelta,
        lambda value: str(value // dt.timedelta(microseconds=1)),
        lambda text: dt.timedelta(microseconds=int(text)),
    ),
    "decimal": (Decimal, str, Decimal),
    "uuid": (uuid.UUID, str, uuid.UUID),
    # An integer of any size: JSON readers stop at 64 bits.
    "integer": (int, str, int),
    "bytes": (bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
}


def encode(values: Sequence[Any] | Mapping[str, Any] | None) -> Any:
    """The values of a statement's parameters, as JSON's types.

    Raises:
        QueryError: A value has a type that the engine cannot take, either.
    """
    if values is None:
        return None
    if isinstance(values, Mapping):
        return {str(name): _encode(value) for name, value in values.items()}
    return [_encode(value) for value in values]


def decode(values: Any) -> Any:
    """What :func:`encode` made."""
    if isinstance(values, dict):
        return {name: _decode(value) for name, value in values.items()}
    return [_decode(value) for value in values] if isinstance(values, list) else None


def _encode(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, float):
        number = encode_float(float(value))
        return number if math.isfinite(value) else {"@": "float", "v": number}
    if isinstance(value, bytearray | memoryview):
        return _encode(bytes(value))
    for name, (kind, write, _) in _BY_TEXT.items():
        if isinstance(value, kind):
            return {"@": name, "v": write(value)}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    if isinstance(value, dict):
        return {"@": "object", "v": [[_encode(key), _encode(item)] for key, item in value.items()]}
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers
        return _encode(value.tolist())
    kind_name = f"{type(value).__module__}.{type(value).__qualname__}"
    raise QueryError(f"a number, a text, a time, a list or a dict was expected as a parameter, got a {kind_name}")


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    name, inner = str(value.get("@")), value.get("v")
    if name == "float":
        return NON_FINITE.get(str(inner), math.nan)
    if name == "object":
        return {_decode(key): _decode(item) for key, item in inner or ()}
    if name in _BY_TEXT:
        return _BY_TEXT[name][2](str(inner))
    return {key: _decode(item) for key, item in value.items()}
