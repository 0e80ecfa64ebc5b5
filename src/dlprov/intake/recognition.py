"""What kind a file is, by its content: its name may be anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from dlprov.errors import UsageError

FileKind = Literal["monetdb", "prov"]

_LOOKED_AT = 1 << 20

_MONETDB = re.compile(
    rb"^\s*(?:sql>\s*)?(?:START TRANSACTION;|SET SCHEMA\s|COPY \d+ RECORDS? INTO\s"
    rb'|CREATE (?:SCHEMA|SEQUENCE|TABLE) (?:"|\w+\s*[.(]))',
    re.IGNORECASE | re.MULTILINE,
)

_PROV = re.compile(
    rb"\A(?:\xff\xfe<\x00|\xfe\xff\x00<"
    rb"|(?:\xef\xbb\xbf)?\s*(?:[{\[<]|(?:(?://|#)[^\n]*\n\s*|/\*.*?\*/\s*)*(?:document\b|@?(?:prefix|base)\s)))",
    re.IGNORECASE | re.DOTALL,
)
"""Documents of PROV look like JSON, XML, PROV-N or Turtle; whether they are some is told when they are read."""

_OTHERS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    (
        "text in UTF-16 (convert it: iconv -f UTF-16 -t UTF-8)",
        re.compile(rb"\A(?:\xff\xfe(?!<\x00)|\xfe\xff(?!\x00<))"),
    ),
    ("a compressed file (unpack it first)", re.compile(rb"\A(?:\x1f\x8b|PK\x03\x04|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd)")),
    ("a database of DuckDB", re.compile(rb"\A.{8}DUCK", re.DOTALL)),
    ("a database of SQLite", re.compile(rb"\ASQLite format 3")),
    ("a run log, which needs no import (copy it into the store)", re.compile(rb'\A\{"event":"log"')),
    ("SQL, but no dump of MonetDB", re.compile(rb"^\s*(?:INSERT INTO|CREATE|PRAGMA)\s", re.IGNORECASE | re.MULTILINE)),
)
"""What files are that cannot be imported, for the message."""

_EXPECTED = (
    "a MonetDB dump of a DfAnalyzer database (SQL with COPY … RECORDS INTO …) or a PROV document (PROV-JSON, PROV-N, "
    "PROV-XML, PROV-O)"
)


def kind_of(path: Path) -> FileKind:
    """The kind of a file.

    Raises:
        UsageError: It is of none that can be imported, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_LOOKED_AT)
    except OSError as error:
        raise UsageError(f"a file that can be read was expected, got {path} ({error.strerror}): name another") from None
    if not head:
        raise UsageError(f"{_EXPECTED} was expected, and {path} is empty")
    looks_like = next((name for name, pattern in _OTHERS[:5] if pattern.search(head)), "")
    if not looks_like and _PROV.search(head):
        return "prov"
    if not looks_like and _MONETDB.search(head):
        return "monetdb"
    looks_like = looks_like or next((name for name, pattern in _OTHERS[5:] if pattern.search(head)), "something else")
    raise UsageError(
        f"{_EXPECTED} was expected, and {path} looks like {looks_like}: make a dump with msqldump -d dataflow_analyzer"
    )
