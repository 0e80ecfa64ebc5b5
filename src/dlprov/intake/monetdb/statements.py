"""The statements of a MonetDB dump that matter here: tables with their columns, and the rows that ``COPY`` brings.

Dumps are found as ``msqldump`` writes them, and as output of an interactive ``mclient``, with prompts, blank lines and
messages in between. Everything else in them (sequences, views, keys, functions) is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal, NamedTuple

from dlprov.intake.monetdb.lines import LONGEST, Line, Lines

Kind = Literal["integer", "number", "boolean", "text", "any"]
"""What a column holds. ``any``: the dump does not say."""

_NAME = r'(?:"(?:[^"]|"")*"|[^\W\d][\w$]*)'
_TABLE = rf"(?P<table>{_NAME}(?:\s*\.\s*{_NAME})?)"
_TEXT = r"[ErR]?'(?:[^'\\]|\\.|'')*'"

_PROMPT = re.compile(rb"\s*(?:(?:sql|more)>\s*)+")
_STARTS = re.compile(
    rb"\s*(?:START|BEGIN|COMMIT|ROLLBACK|SET|CREATE|ALTER|COPY|INSERT|COMMENT|GRANT|REVOKE|DROP|UPDATE|DELETE|TRUNCATE"
    rb"|CALL|SELECT|ANALYZE|DECLARE)\b",
    re.IGNORECASE,
)
_COPY_STARTS = re.compile(rb"\s*(?:sql>\s*)?COPY\s+\d+\s+(?:OFFSET|RECORDS?)\b", re.IGNORECASE)
_ROWS_END = re.compile(
    rb"\s*(?:(?:sql|more)>|\\[A-Za-z]\b|--|COPY\s+\d+\s|(?:CREATE|ALTER|SET|INSERT|GRANT|COMMENT|DROP|START)\s"
    rb"|(?:COMMIT|ROLLBACK)\b)",
    re.IGNORECASE,
)
_LIKE_A_ROW = re.compile(rb'\s*(?:"|NULL\b|[-+]?\.?\d)', re.IGNORECASE)
_COUNTS = re.compile(rb"\s*\d+ (?:tuples?|affected rows?|rows?)\b", re.IGNORECASE)

_COPY = re.compile(
    rf"""\s*COPY\s+(?P<count>\d+)(?:\s+OFFSET\s+\d+)?\s+RECORDS?\s+INTO\s+{_TABLE}\s*(?:\((?P<columns>[^)]*)\))?\s*
    FROM\s+(?P<source>STDIN|'[^']*'(?:\s*,\s*'[^']*')*)\s*(?:\([^)]*\))?\s*
    (?:(?:USING\s+)?DELIMITERS\s+(?P<delimiters>{_TEXT}(?:\s*,\s*{_TEXT}){{0,2}}))?
    (?P<options>[^;]*);""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_OPTIONS = re.compile(rf"(?:\s|NULL\s+(?:AS\s+)?{_TEXT}|NO\s+ESCAPE|LOCKED|BEST\s+EFFORT|ON\s+CLIENT)*", re.IGNORECASE)
_NULL_AS = re.compile(rf"\bNULL\s+(?:AS\s+)?(?P<null>{_TEXT})", re.IGNORECASE)
_CREATE_TABLE = re.compile(
    rf"\s*CREATE\s+(?:\w+\s+){{0,2}}TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_TABLE}\s*\(", re.IGNORECASE
)
_CREATE_ROUTINE = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:\w+\s+)?(?:FUNCTION|PROCEDURE|TRIGGER)\b", re.IGNORECASE
)
_ROUTINE_ENDS = re.compile(rb"(?:^|.*[;\s])END\s*;\s*$", re.IGNORECASE)
_INSERT = re.compile(rf"\s*INSERT\s+INTO\s+{_TABLE}", re.IGNORECASE)
_SET_SCHEMA = re.compile(rf"\s*SET\s+SCHEMA\s+(?P<schema>{_NAME})", re.IGNORECASE)
_TOKEN = re.compile(rf"""{_TEXT}|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|[;'"(),]|/\*""", re.DOTALL)
_COLUMN = re.compile(rf"(?:\s|--[^\n]*\n|/\*.*?\*/)*+(?P<name>{_NAME})\s+(?P<type>[A-Za-z]+)", re.DOTALL)
_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "FOREIGN", "UNIQUE", "CHECK", "LIKE"})
_ESCAPE = re.compile(r"\\(.)|''")
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r"}

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "HUGEINT", "SERIAL", "BIGSERIAL"), "integer"),
    **dict.fromkeys(("DOUBLE", "REAL", "FLOAT", "DECIMAL", "DEC", "NUMERIC"), "number"),
    **dict.fromkeys(("BOOLEAN", "BOOL"), "boolean"),
}

_LONGEST_STATEMENT = 1 << 20
"""What is longer is no statement of a dump, but text with a quote that nobody closes."""

_MOST_LINES = 10_000
"""How many lines a row may go over: behind them, a quote that nobody closes is taken for one."""


class Column(NamedTuple):
    """A column of a table: its name in lower case, and what it holds."""

    name: str
    kind: Kind


class CreateTable(NamedTuple):
    """A table, with its columns in order."""

    schema: str
    table: str
    columns: tuple[Column, ...]


class Copy(NamedTuple):
    """Rows of a table follow. ``line`` and ``offset`` are those of the first one.

    ``columns`` is empty where the statement names none. ``fault`` says why the rows cannot be read.
    """

    schema: str
    table: str
    columns: tuple[str, ...]
    announced: int
    line: int
    offset: int
    delimiter: bytes = b"|"
    quote: bytes = b""
    null: bytes = b"NULL"
    escapes: bool = True
    fault: str = ""


class Insert(NamedTuple):
    """A row as a statement of its own, as ``msqldump --inserts`` writes them."""

    schema: str
    table: str
    line: int


class Stray(NamedTuple):
    """So many lines that look like rows, and that no statement announces."""

    line: int
    rows: int


class Record(NamedTuple):
    """The text of a row that ``COPY`` brings, of one line or, with line breaks inside of quotes, of several."""

    line: int
    text: bytes
    fault: str = ""


Statement = CreateTable | Copy | Insert | Stray


class Dump:
    """One pass over a dump. Holds a statement or a row at a time, never more.

    Args:
        file: The dump, opened in binary mode.
        passed: Called now and then with the byte that was reached.
    """

    def __init__(self, file: BinaryIO, passed: Callable[[int], None] = lambda _: None) -> None:
        self._lines = Lines(file, passed=passed)
        self._schema = ""

    def statements(self) -> Iterator[Statement]:
        """The statements in order. The rows behind a :class:`Copy` are passed over if nobody takes them."""
        strays = Stray(0, 0)
        while (line := self._lines.take()) is not None:
            text = line.text.removeprefix(b"\xef\xbb\xbf")
            prompt = _PROMPT.match(text)
            line = line._replace(text=text[prompt.end() :] if prompt else text)
            if not _STARTS.match(line.text):
                if _LIKE_A_ROW.match(line.text) and not _COUNTS.match(line.text):
                    strays = Stray(strays.line or line.number, strays.rows + 1)
                continue
            if strays.rows:
                yield strays
                strays = Stray(0, 0)
            statement = self._gather(line)
            found = self._understood(statement, line.number) if statement else None
            if found is None:
                continue
            yield found
            if isinstance(found, Copy):
                # Whoever took the rows left none of them, and then this ends at the statement behind them.
                for _ in records(self._lines, found):
                    pass
        if strays.rows:
            yield strays

    def rows(self, copy: Copy, fits: Callable[[bytes], bool]) -> Iterator[Record]:
        """The rows behind the statement that :meth:`statements` gave last, all of which are to be taken.

        See :func:`records`.
        """
        return records(self._lines, copy, fits)

    def _gather(self, first: Line) -> str:
        """The text of the statement that begins in this line; empty if it has no end."""
        text = ""
        line: Line | None = first
        while line is not None and len(text) < _LONGEST_STATEMENT:
            if line is not first and _COPY_STARTS.match(line.text):
                self._lines.give_back(line)
                return ""
            start = len(text)
            text += line.text.decode("utf-8", "replace").removeprefix("\ufeff") + "\n"
            end = _end(text) if b";" in line.text else -1
            if end >= 0:
                rest = text[max(end, start) :].strip()
                if rest:
                    self._lines.give_back(line._replace(text=rest.encode()))
                return text[:end]
            line = self._lines.take()
        return ""

    def _understood(self, text: str, line: int) -> Statement | None:
        if match := _COPY.match(text):
            return self._copy(match)
        if match := _CREATE_TABLE.match(text):
            return CreateTable(*self._names(match["table"]), _columns(text[match.end() :]))
        if match := _SET_SCHEMA.match(text):
            self._schema = _name(match["schema"])
        elif match := _INSERT.match(text):
            return Insert(*self._names(match["table"]), line)
        elif _CREATE_ROUTINE.match(text) and re.search(r"\bBEGIN\b", text, re.IGNORECASE):
            self._pass_over_routine()
        return None

    def _pass_over_routine(self) -> None:
        """Pass over what a function consists of: statements up to its END."""
        while (line := self._lines.take()) is not None and not _ROUTINE_ENDS.match(line.text):
            if _COPY_STARTS.match(line.text) or _CREATE_TABLE.match(line.text.decode("utf-8", "replace")):
                self._lines.give_back(line)
                return

    def _copy(self, match: re.Match[str]) -> Copy:
        schema, table = self._names(match["table"])
        columns = tuple(_name(name).lower() for name in re.findall(_NAME, match["columns"] or ""))
        found = Copy(schema, table, columns, int(match["count"]), *self._lines.place)
        if match["source"].upper() != "STDIN":
            return found._replace(announced=0, fault=f"the rows are in another file, {match['source']}")
        texts = [_unquoted(text) for text in re.findall(_TEXT, match["delimiters"] or "")]
        delimiter, end, quote = [*texts, *("|", "\n", "")[len(texts) :]]
        null = _NULL_AS.search(match["options"])
        found = found._replace(
            delimiter=delimiter.encode(),
            quote=quote.encode(),
            null=(_unquoted(null["null"]) if null else "NULL").encode(),
            escapes=not re.search(r"\bNO\s+ESCAPE\b", match["options"], re.IGNORECASE),
        )
        if not _OPTIONS.fullmatch(match["options"]):
            return found._replace(fault=f"the options {match['options'].strip()!r} of COPY are not known")
        if len(found.delimiter) != 1 or len(found.quote) > 1 or end not in ("\n", "\r\n"):
            return found._replace(fault=f"rows that are delimited by {match['delimiters']} cannot be read")
        return found

    def _names(self, table: str) -> tuple[str, str]:
        """Schema and table of a name."""
        *schema, name = re.findall(_NAME, table)
        return _name(schema[0]) if schema else self._schema, _name(name)


def records(lines: Lines, copy: Copy, fits: Callable[[bytes], bool] = lambda _: True) -> Iterator[Record]:
    """The rows that begin at the next line. Blank lines are passed over.

    The announced number of rows does not end them: a dump that was copied from a page or a terminal may hold lines
    that are no rows, and then has rows behind that number. A statement does, and so does what looks like no row.

    Args:
        lines: The dump, at the first row.
        copy: The statement that announced the rows.
        fits: Whether a text of several lines is a row. If not, its first line is given out by itself.
    """
    count = 0
    while (line := lines.take()) is not None:
        if not line.text.strip():
            continue
        if _ROWS_END.match(line.text) or (count >= copy.announced and not _LIKE_A_ROW.match(line.text)):
            lines.give_back(line)
            return
        count += 1
        if line.fault or _quotes(line.text, copy) % 2 == 0:
            yield Record(line.number, line.text, line.fault)
        else:
            yield _joined(lines, line, copy, fits)


def _joined(lines: Lines, first: Line, copy: Copy, fits: Callable[[bytes], bool]) -> Record:
    """The row that begins in this line and goes on in the next ones."""
    taken: list[Line] = []
    size = 0
    quotes = _quotes(first.text, copy)
    while len(taken) < _MOST_LINES and size < LONGEST:
        line = lines.take()
        if line is None:
            break
        taken.append(line)
        size += len(line.text)
        if line.fault or _COPY_STARTS.match(line.text):
            break
        quotes += _quotes(line.text, copy)
        if quotes % 2 == 0:
            text = b"\n".join([first.text, *(line.text for line in taken)])
            if fits(text):
                return Record(first.number, text)
            break
    lines.give_back(*taken)
    return Record(first.number, first.text)


def _quotes(text: bytes, copy: Copy) -> int:
    """How many quotes are in the text that open or close something: where it is an odd number, one is open."""
    if not copy.quote:
        return 0
    if copy.escapes and b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b"\\" + copy.quote, b"")
    return text.count(copy.quote)


def _end(text: str) -> int:
    """Where the first statement ends, behind its semicolon; -1 if it does not."""
    for token in _TOKEN.finditer(text):
        if token[0] == ";":
            return token.end()
        if token[0] in ("'", '"', "/*"):
            return -1
    return -1


def _columns(text: str) -> tuple[Column, ...]:
    """The columns in the text behind the first parenthesis of CREATE TABLE."""
    parts, depth, start = [], 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] == "(":
            depth += 1
        elif token[0] == ")":
            depth -= 1
        if depth < 0 or (token[0] == "," and depth == 0):
            parts.append(text[start : token.start()])
            start = token.end()
        if depth < 0:
            break
    found = []
    for part in parts:
        match = _COLUMN.match(part)
        if match and match["name"].upper() not in _CONSTRAINTS:
            found.append(Column(_name(match["name"]).lower(), _KINDS.get(match["type"].upper(), "text")))
    return tuple(found)


def _name(text: str) -> str:
    """An SQL name without its quotes; one without quotes means lower case."""
    return text[1:-1].replace('""', '"') if text.startswith('"') else text.lower()


def _unquoted(text: str) -> str:
    r"""The value of an SQL string; both dialects of COPY mean a tab by ``\t``, with and without an ``E``."""
    inner = text[text.index("'") + 1 : -1]
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]) if found[1] else "'", inner)
