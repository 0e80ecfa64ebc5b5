"""RDI's cartridges FASTBIT and OPTIMIZED_FASTBIT: an index of each column, which finds rows by values.

The index of a column is a Parquet file with its values, sorted, each with the number of its row (from 1): the
statistics of its parts tell which of them may hold a value, and those of the whole file whether it is there at all.
"""

from __future__ import annotations

import csv
import fnmatch
import glob
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from dlprov.errors import NotFoundError, UsageError
from dlprov.extraction import columns, dialect
from dlprov.extraction.delimited import DelimitedFile
from dlprov.extraction.output import quoted, replaced, text, write_rows
from dlprov.extraction.positions import quoted_path
from dlprov.extraction.request import Attribute, Request, option_pairs

_PREFIX = {"FASTBIT": "FastBit", "OPTIMIZED_FASTBIT": "OptimizedFastBit"}


def index(request: Request) -> list[str]:
    """Write an index of each column of each file below ``FastBit_<name>…/<file>/``, and name them in ``<name>.index``.

    Raises:
        UsageError: A file is missing, or lacks a column, or two files have one name.
        OSError: A file cannot be read or written.
    """
    attributes = request.attributes()
    options = option_pairs(request.options["option"]) if "option" in request.options else {}
    suffix = "".join(f"_{key}.{value}" for key, value in options.items())
    directory = request.directory.absolute()
    top = directory / f"{_PREFIX[request.cartridge]}_{request.name}{suffix}"
    is_by_row = request.cartridge == "FASTBIT"
    names = [attribute.name for attribute in attributes]
    remarks: list[str] = []
    known: set[Path] = set()
    with replaced(request.target("index")) as target:
        target.write(";".join(["FILENAME", *(["ROWID"] if is_by_row else []), *names]) + "\n")
        for path in request.files():
            place = top / (path.relative_to(directory) if path.is_relative_to(directory) else path.name)
            if place in known:
                raise UsageError(f"files of different names were expected, got two for {place}: index them one by one")
            known.add(place)
            count = _index_file(path, place, attributes, request.delimiter, remarks)
            files = [quoted(f"{name}.idx") for name in names]
            for row in range(1, count + 1) if is_by_row else [0]:
                target.write(";".join([quoted_path(place), *([str(row)] if is_by_row else []), *files]) + "\n")
    return remarks


def access(request: Request) -> list[str]:
    """Find rows: ``[NAME:VALUE]`` or ``[NAME:LOW..HIGH]``, all of which they have, into ``<name>.access``.

    Raises:
        UsageError: A condition is none, or names a column without an index.
        NotFoundError: There is no index.
        OSError: A file cannot be read or written.
    """
    conditions = request.pairs()
    names = list(dict.fromkeys(name for name, _ in conditions))
    pattern = " ".join(request.source).strip().strip("\"'")
    with replaced(request.target("access")) as target:
        found = (
            [str(place), *row]
            for place in _places(request)
            if not pattern or fnmatch.fnmatch(place.name, Path(pattern).name)
            for row in _matching(place, conditions, names)
        )
        write_rows(target, ["FILENAME", "ROWID", *names], found)
    if request.is_verbose:
        return [f"the rows are in {request.target('access')}"]
    return []


def _index_file(path: Path, place: Path, attributes: list[Attribute], delimiter: str, remarks: list[str]) -> int:
    """Write the indexes of a file; gives the number of its rows."""
    wanted = [attribute.name for attribute in attributes]
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dlprov-rdi-") as name:
        plain = Path(name, "rows.csv")
        with plain.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerows(columns.rows(path, wanted, delimiter, remarks))
        with duckdb.connect() as engine:
            engine.execute("SET enable_progress_bar = false")
            _load(engine, plain, len(wanted))
            for column, attribute in enumerate(attributes):
                _write(engine, f"c{column}", attribute, place / f"{attribute.name}.idx")
            found = engine.execute("SELECT count(*) FROM data").fetchone()
            return int(found[0]) if found else 0


def _load(engine: duckdb.DuckDBPyConnection, plain: Path, width: int) -> None:
    kinds = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(width))
    options = (
        f"auto_detect = false, header = false, columns = {{{kinds}}}, delim = ',', quote = '\"', escape = '\"', "
        "new_line = '\\n', nullstr = '', parallel = false"
    )
    engine.execute(f"CREATE TABLE data AS SELECT * FROM read_csv({text(str(plain))}, {options})")  # noqa: S608 - a path of ours


def _write(engine: duckdb.DuckDBPyConnection, column: str, attribute: Attribute, target: Path) -> None:
    """Write the sorted values. Numbers are whole unless digits behind the point are asked for, or there are some."""
    value = column
    if attribute.type == "NUMERIC":
        value = f"TRY_CAST(trim({column}) AS DOUBLE)"
        if not attribute.precision:
            is_whole = (
                f"count(*) = count(*) FILTER ({value} IS NULL OR {value} = trunc({value}) AND abs({value}) < 1e15)"
            )
            found = engine.execute(f"SELECT {is_whole} FROM data").fetchone()  # noqa: S608 - a column of ours
            if found and found[0]:
                value = f"CAST({value} AS BIGINT)"
    query = f"SELECT {value} AS value, rowid + 1 AS row FROM data ORDER BY value NULLS LAST, row"  # noqa: S608 - as above
    engine.execute(f"COPY ({query}) TO {text(str(target))} (FORMAT parquet)")


def _places(request: Request) -> Iterator[Path]:
    """The directories of indexes that the index file names."""
    listed = request.target("index")
    if not listed.is_file():
        raise NotFoundError(f"{listed} was expected and is not there: index it first, with {request.cartridge}:INDEX")
    seen: set[str] = set()
    with listed.open("rb") as file:
        source = DelimitedFile(file, delimiter=";", declared=["FILENAME"], is_lenient=True)
        try:
            for row in source.rows():
                if row[0] not in seen:
                    seen.add(row[0])
                    yield Path(row[0])
        finally:
            source.close()


def _matching(place: Path, conditions: list[tuple[str, str]], names: list[str]) -> list[list[str]]:
    """The rows that meet all conditions: their numbers, and their values of the columns ``names``."""
    with duckdb.connect() as engine:
        kinds = {name: _kind(engine, place / f"{name}.idx") for name in names}
        tests: list[str] = []
        parameters: list[str] = []
        for name, wanted in conditions:
            low, dots, high = wanted.partition("..")
            bounds = [(sign, bound) for sign, bound in ((">=", low), ("<=", high if dots else low)) if bound]
            if kinds[name] != "VARCHAR" and not all(dialect.is_number(bound) for _, bound in bounds):
                raise UsageError(f"a number, or LOW..HIGH, was expected for {name}, got {wanted!r}")
            kind = "VARCHAR" if kinds[name] == "VARCHAR" else "DOUBLE"
            tests += [f"t{names.index(name)}.value {sign} CAST(? AS {kind})" for sign, _ in bounds]
            parameters += [bound for _, bound in bounds]
        tables = " JOIN ".join(
            f"{_file(place / f'{name}.idx')} AS t{number}{' USING (row)' if number else ''}"
            for number, name in enumerate(names)
        )
        values = ", ".join(f"CAST(t{number}.value AS VARCHAR)" for number in range(len(names)))
        query = f"SELECT CAST(row AS VARCHAR), {values} FROM {tables} WHERE {' AND '.join(tests)} ORDER BY t0.row"  # noqa: S608 - values are parameters
        return [list(row) for row in engine.execute(query, parameters).fetchall()]


def _kind(engine: duckdb.DuckDBPyConnection, index: Path) -> str:
    """The type of an index's values."""
    if not index.is_file():
        raise UsageError(f"a column with an index in {index.parent} was expected, got {index.stem}")
    return str(engine.execute(f"DESCRIBE SELECT value FROM {_file(index)}").fetchall()[0][1])  # noqa: S608 - a path of ours


def _file(path: Path) -> str:
    """A Parquet file as SQL. Letters of patterns stand for themselves, and directories with ``=`` are no columns."""
    return f"read_parquet({text(glob.escape(str(path)))}, hive_partitioning = false)"
