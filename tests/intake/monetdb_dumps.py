"""Dumps of DfAnalyzer databases as MonetDB's clients write them, of the shapes that are found in the wild.

A database is made of plain Python rows; the dump is their text in one of the dialects. What a test compares with
is computed from the same rows, never from the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Dialect = Literal["bar", "loose", "tab", "blanks"]
"""``|``; the same with blanks around the values and blank lines; tabs; tabs that a terminal made blanks of."""

Rows = list[tuple[Any, ...]]

SEQUENCES = ("df_id_seq", "version_id_seq", "dt_id_seq", "ds_id_seq", "dd_id_seq", "att_id_seq", "task_id_seq")


@dataclass
class Table:
    schema: str
    name: str
    columns: dict[str, str]
    rows: Rows


@dataclass
class Database:
    """Tables in the order in which they are dumped."""

    tables: list[Table] = field(default_factory=list)

    def add(self, schema: str, name: str, columns: dict[str, str], rows: Rows) -> Table:
        self.tables.append(Table(schema, name, columns, rows))
        return self.tables[-1]

    def table(self, name: str, schema: str = "public") -> Table:
        return next(table for table in self.tables if (table.schema, table.name) == (schema, name))

    def rows(self, name: str, schema: str = "public") -> list[dict[str, Any]]:
        found = self.table(name, schema)
        return [dict(zip(found.columns, row, strict=True)) for row in found.rows]

    def dump(self, dialect: Dialect = "bar") -> str:
        lines = ["START TRANSACTION;", 'SET SCHEMA "sys";']
        schemas = dict.fromkeys(table.schema for table in self.tables)
        lines += [f'CREATE SCHEMA "{schema}" AUTHORIZATION "monetdb";' for schema in schemas if schema != "public"]
        lines += [f'CREATE SEQUENCE "public"."{name}" AS INTEGER;' for name in SEQUENCES]
        for table in self.tables:
            lines += ddl(table)
        for table in self.tables:
            lines += data(table, dialect)
        for table in self.tables:
            if table.name.startswith("ds_"):
                view = table.name.removeprefix("ds_")
                lines += [f'SET SCHEMA "{table.schema}";', f"create view {view} as select * from {table.name};"]
        lines += ['ALTER SEQUENCE "public"."df_id_seq" RESTART WITH 5 NO CYCLE;', 'SET SCHEMA "sys";', "COMMIT;"]
        return "\n".join(lines) + "\n"


def ddl(table: Table) -> list[str]:
    columns = [f'\t"{name}" {kind}' for name, kind in table.columns.items()]
    first = next(iter(table.columns))
    columns[0] += " NOT NULL" + (f' DEFAULT next value for "public"."{table.name}_seq"' if first == "id" else "")
    columns.append(f'\tCONSTRAINT "{table.name}_{first}_pkey" PRIMARY KEY ("{first}")')
    return [f'CREATE TABLE "{table.schema}"."{table.name}" (', ",\n".join(columns), ");"]


DELIMITERS = {
    "bar": r"'|','\n','" + "\"'",
    "loose": r"'|','\n','" + "\"'",
    "tab": r"E'\t',E'\n','" + "\"'",
    "blanks": r"'\t','\n','" + "\"'",
}


def data(table: Table, dialect: Dialect) -> list[str]:
    if not table.rows:
        return []
    name = f'"{table.schema}"."{table.name}"'
    lines = [f"COPY {len(table.rows)} RECORDS INTO {name} FROM stdin USING DELIMITERS {DELIMITERS[dialect]};"]
    for number, row in enumerate(table.rows):
        values = [spelled(value) for value in row]
        if dialect == "bar":
            lines.append("|".join(values))
        elif dialect == "loose":
            lines.append((" " * (number % 3)) + " | ".join(values) + " ")
            if number % 7 == 3:
                lines.append("   " if number % 2 else "")
        else:
            line = "\t".join(values)
            lines.append(line if dialect == "tab" else line.expandtabs(8))
    return lines


def spelled(value: Any) -> str:
    """A value as MonetDB's client writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return quoted(value) if isinstance(value, str) else str(value)


def quoted(text: str) -> str:
    made = []
    for byte in text.encode():
        character = chr(byte)
        if character in '\\"':
            made.append(b"\\" + character.encode())
        elif character == "\n":
            made.append(b"\\n")
        elif character == "\t":
            made.append(b"\\t")
        elif byte < 32 or byte == 127:
            made.append(b"\\%03o" % byte)
        else:
            made.append(bytes([byte]))
    return '"' + b"".join(made).decode() + '"'


def as_in_mclient(dump: str) -> str:
    r"""What a terminal shows of ``\D``: prompts, and what the client says in between."""
    lines = dump.splitlines()
    lines[0] = "sql>\\D"
    return "\n".join(["auto commit mode: off", *lines, "sql>", "more>;", "sql>\\q"]) + "\n"
