r"""The values in the text of one row, in the spellings that are found in dumps.

``1|"a"|0.5``, with blanks around the values or without; the same with tabs; and, where a terminal made blanks of the
tabs, quoted texts and words. A quoted text has MonetDB's escapes (``\\``, ``\"``, ``\n``, ``\t``, octal ``\303\251``),
and may double a quote instead. ``NULL`` is no value, ``"NULL"`` is a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from dlprov.intake.monetdb.statements import Column, Copy, Kind

_SHOWN = 40

_ESCAPE = re.compile(
    rb"\\(?:(?P<octal>[0-3][0-7]{2}|[0-7]{1,2})|x(?P<hex>[0-9A-Fa-f]{1,2})|u(?P<u>[0-9A-Fa-f]{4})"
    rb"|U(?P<U>[0-9A-Fa-f]{8})|(?P<other>.))",
    re.DOTALL,
)
_OTHER = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"f": b"\f", b"b": b"\b", b"a": b"\a", b"v": b"\v"}

_BOOLEANS = {b"true": True, b"1": True, b"t": True, b"false": False, b"0": False, b"f": False}


class RowError(ValueError):
    """Why a row cannot be read."""


class RowReader:
    """Reads the rows of one table.

    Args:
        copy: The statement that announces the rows.
        columns: The columns of a row, in order.
    """

    def __init__(self, copy: Copy, columns: Sequence[Column]) -> None:
        self._copy = copy
        self._columns = columns
        delimiter = re.escape(copy.delimiter)
        quote = re.escape(copy.quote)
        blanks = rb"[ ]*+" if copy.delimiter == b"\t" else rb"[ \t]*+"
        quoted, plain, word = rb"(?!)()", rb"[^" + delimiter + rb"]*+", rb"\S++"
        if quote:
            inner = rb"[^" + quote + rb"\\]++|\\." if copy.escapes else rb"[^" + quote + rb"]++"
            quoted = quote + rb"((?:" + inner + rb"|" + quote * 2 + rb")*+)" + quote
            plain, word = rb"[^" + delimiter + quote + rb"]*+", rb"[^\s" + quote + rb"]++"
        field = rb"(?:" + quoted + blanks + rb"|(" + plain + rb"))(" + delimiter + rb"|\Z)"
        self._field = re.compile(blanks + field, re.DOTALL)
        self._word = re.compile(rb"\s*+(?:" + quoted + rb"|(" + word + rb"))(\s++|\Z)", re.DOTALL)

    def read(self, text: bytes) -> list[Any]:
        """The values of a row: ``None``, ``int``, ``float``, ``bool`` or ``str``, as the columns say.

        Raises:
            RowError: The text is no row of this table.
        """
        fields = self._fields(text)
        if len(fields) != len(self._columns):
            raise RowError(f"{len(self._columns)} values were expected, got {len(fields)}")
        return [self._value(column, *field) for column, field in zip(self._columns, fields, strict=True)]

    def fits(self, text: bytes) -> bool:
        """Whether a text is a row of this table."""
        try:
            self.read(text)
        except RowError:
            return False
        return True

    def _fields(self, text: bytes) -> list[tuple[bytes, bool]]:
        try:
            fields = list(_split(self._field, text))
        except RowError:
            if self._copy.delimiter != b"\t":
                raise
            fields = []
        if len(fields) == len(self._columns) or self._copy.delimiter != b"\t":
            return fields
        # Tabs that became blanks, wholly or in part: only texts hold blanks of their own, and they are quoted.
        words = list(_split(self._word, text.rstrip()))
        return words if len(words) == len(self._columns) or not fields else fields

    def _value(self, column: Column, raw: bytes, is_quoted: bool) -> Any:
        if not is_quoted and raw.upper() == self._copy.null.upper():
            return None
        kind = column.kind if column.kind != "any" else _kind_of(raw, is_quoted)
        if kind == "text":
            return self._text(column, raw, is_quoted)
        try:
            if b"_" in raw:  # Python's own spelling of numbers
                raise ValueError  # noqa: TRY301 - the same as what int() and float() raise
            if kind == "integer":
                return int(raw)
            if kind == "number":
                return float(raw)
            return _BOOLEANS[raw.lower()]
        except (ValueError, KeyError):
            wanted = "an integer" if kind == "integer" else "true or false" if kind == "boolean" else "a number"
            raise RowError(f"{wanted} was expected in column {column.name!r}, got {_shown(raw)}") from None

    def _text(self, column: Column, raw: bytes, is_quoted: bool) -> str:
        if is_quoted:
            raw = raw.replace(self._copy.quote * 2, self._copy.quote)
            if self._copy.escapes and b"\\" in raw:
                raw = _ESCAPE.sub(_unescaped, raw)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise RowError(f"text in UTF-8 was expected in column {column.name!r}, got {_shown(raw)}") from None


def _split(field: re.Pattern[bytes], text: bytes) -> Iterator[tuple[bytes, bool]]:
    """The values of a row, without quotes, and whether they had some."""
    position = 0
    while match := field.match(text, position):
        quoted, plain, separator = match.groups()
        yield (plain.strip(), False) if quoted is None else (quoted, True)
        if match.end() == len(text) and not separator.strip(b"\r\n"):
            return
        position = match.end()
    raise RowError(f"a value was expected, got {_shown(text[position:])}")


def _kind_of(raw: bytes, is_quoted: bool) -> Kind:
    """What a value of a column of which the dump says nothing looks like."""
    if is_quoted or b"_" in raw:
        return "text"
    if re.fullmatch(rb"[-+]?\d{1,4000}", raw):
        return "integer"
    try:
        float(raw)
    except ValueError:
        return "boolean" if raw.lower() in (b"true", b"false") else "text"
    return "number"


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match["octal"] is not None:
        return bytes([int(match["octal"], 8)])
    if match["hex"] is not None:
        return bytes([int(match["hex"], 16)])
    point = match["u"] or match["U"]
    if point is not None:
        code = int(point, 16)
        # A number beyond Unicode stays as it was typed.
        return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else match[0]
    return _OTHER.get(match["other"], match["other"])


def _shown(raw: bytes) -> str:
    text = raw.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
