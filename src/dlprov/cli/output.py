"""Answers on stdout or in a file, in the format that was asked for."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlprov.cli import cells, tables
from dlprov.cli.options import FORMATS
from dlprov.cli.tables import Column, Look
from dlprov.errors import UsageError

if TYPE_CHECKING:
    from dlprov.query import Result

LINES_AT_A_TIME = 1000


def chosen(format: str | None, output: Path | None) -> str:
    """The format: the one that was asked for, else the one of the file's suffix, else ``table``.

    Raises:
        click.UsageError: Parquet without a file.
    """
    suffix = output.suffix.lower().lstrip(".") if output is not None else ""
    found = format or (suffix if suffix in FORMATS else "table")
    if found == "parquet" and output is None:
        raise click.UsageError("parquet is not for a terminal and needs a file: add -o FILE")
    return found


def columns_of(result: Result, *, brief: bool = False) -> list[Column]:
    """The columns of an answer as text; ``brief`` as in :func:`dlprov.cli.cells.text_of`."""
    rows = result.rows()
    made = []
    for index, (title, kind) in enumerate(zip(result.columns, result.types, strict=True)):
        texts = [cells.text_of(row[index], brief=brief) for row in rows]
        right = cells.is_number(kind)
        made.append(Column(cells.printable(title), cells.aligned(texts) if right else texts, right=right))
    return made


def write(result: Result, format: str, output: Path | None) -> None:
    """Write an answer in a format that :func:`chosen` gave, in full.

    Raises:
        UsageError: The file cannot be written.
    """
    if format == "table":
        write_lines(list(tables.lines(columns_of(result), _look(output))), output)
        if output is None and sys.stdout.isatty():
            click.secho(_count(len(result)), dim=True)
    elif output is not None:
        result.write(str(output), format)
    else:
        # Through a file: the engine writes files, and only we can tell why stdout cannot be written.
        with tempfile.TemporaryDirectory(prefix="dlprov-") as directory:
            path = Path(directory, f"answer.{format}")
            result.write(str(path), format)
            with path.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.flush()


def write_json(value: Any, output: Path | None) -> None:
    """Write a value of JSON's types, indented."""
    write_lines([json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)], output)


def write_lines(lines: Sequence[str], output: Path | None = None) -> None:
    """Write lines of text.

    Raises:
        UsageError: The file cannot be written.
    """
    if output is None:
        # In parts: one write of everything does not tell when whoever reads has gone.
        for first in range(0, len(lines), LINES_AT_A_TIME):
            click.echo("\n".join(lines[first : first + LINES_AT_A_TIME]))
        return
    try:
        output.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"a file that can be written was expected, got {output} ({error.strerror}): name another one after -o"
        ) from None


def _look(output: Path | None) -> Look:
    return Look(rule="─") if output is not None else tables.look_of_stdout()


def _count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"
