"""Values as any JSON parser takes them."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from dlprov.log.values import encode_float


def plain(value: Any) -> Any:
    r"""``value`` as JSON's types.

    NaN and the infinities are the texts ``NaN``, ``Infinity`` and ``-Infinity``, since JSON has no numbers for them; a
    time is ISO 8601 text, in UTC with ``Z``; bytes are text with ``\xNN`` for what is not ASCII; other types are
    their text.
    """
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return encode_float(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, dict):
        return {_key(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02X}" for byte in value)
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _key(name: Any) -> str:
    return name if isinstance(name, str) else str(plain(name))
