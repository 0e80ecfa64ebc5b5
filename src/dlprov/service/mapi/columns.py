"""Columns of answers: MonetDB's name of their type, and how their values are written."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from dlprov.query.plain import plain

_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("\t"): "\\t", ord("\r"): "\\r", ord("\f"): "\\f"}
_ESCAPES |= {code: f"\\{code:03o}" for code in [*range(32), 127] if code not in _ESCAPES}
_OF_JSON = {code: _ESCAPES[code] for code in map(ord, '"\\\n\t\r')}


@dataclass(frozen=True)
class Kind:
    """A type of MonetDB.

    Attributes:
        name: Its name.
        digits: Its size, in the unit that MonetDB has for it.
        scale: Decimal places.
        width: How many characters its values take at most; 0: that depends on the values.
        write: The text of a value that is not NULL.
    """

    name: str
    digits: int
    write: Callable[[Any], str]
    width: int = 0
    scale: int = 0


def kind_of(type: str) -> Kind:
    """MonetDB's type for one of the engine's."""
    known = _KINDS.get(type)
    if known is not None:
        return known
    if type.startswith("DECIMAL("):
        digits, _, scale = type[8:-1].partition(",")
        return Kind("decimal", int(digits), _decimal, int(digits) + 3, int(scale))
    if type.startswith("TIMESTAMP"):
        return _KINDS["TIMESTAMP"]
    return _TEXT


def _integer(value: Any) -> str:
    return str(int(value))


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _double(value: float) -> str:
    return str(plain(value))


def _real(value: float) -> str:
    for digits in range(6, 9):
        shown = f"{value:.{digits}g}"
        if struct.pack("f", float(shown)) == struct.pack("f", value):
            return str(plain(float(shown)))
    return str(plain(float(f"{value:.9g}")))


def _decimal(value: Decimal) -> str:
    return f"{value:f}"


def _moment(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")


def _day(value: date) -> str:
    return value.isoformat()


def _time(value: time) -> str:
    return value.isoformat("microseconds")


def _seconds(value: timedelta) -> str:
    return f"{Decimal(value // timedelta(microseconds=1)).scaleb(-6):f}"


def _bytes(value: bytes) -> str:
    return value.hex().upper()


def _text(value: Any) -> str:
    shown = value if isinstance(value, str) else plain(value)
    if not isinstance(shown, str):
        shown = json.dumps(shown, ensure_ascii=False)
    return f'"{shown.translate(_ESCAPES)}"'


def _json(value: str) -> str:
    # Clients read it as the text of a JSON string, in which there are fewer escapes.
    return f'"{value.translate(_OF_JSON)}"'


_TEXT = Kind("varchar", 0, _text)
_KINDS = {
    "BOOLEAN": Kind("boolean", 1, _boolean, 5),
    "TINYINT": Kind("tinyint", 7, _integer),
    "SMALLINT": Kind("smallint", 15, _integer),
    "INTEGER": Kind("int", 31, _integer),
    "BIGINT": Kind("bigint", 63, _integer),
    "HUGEINT": Kind("hugeint", 127, _integer),
    "UTINYINT": Kind("smallint", 15, _integer),
    "USMALLINT": Kind("int", 31, _integer),
    "UINTEGER": Kind("bigint", 63, _integer),
    "UBIGINT": Kind("hugeint", 127, _integer),
    "UHUGEINT": Kind("hugeint", 127, _integer),
    "FLOAT": Kind("real", 24, _real, 15),
    "DOUBLE": Kind("double", 53, _double, 24),
    "DATE": Kind("date", 0, _day, 10),
    "TIME": Kind("time", 7, _time, 15),
    "TIME WITH TIME ZONE": Kind("timetz", 7, _time, 21),
    "TIMESTAMP": Kind("timestamp", 7, _moment, 26),
    "INTERVAL": Kind("sec_interval", 13, _seconds),
    "BLOB": Kind("blob", 0, _bytes),
    "UUID": Kind("uuid", 0, str, 36),
    "JSON": Kind("json", 0, _json),
}
