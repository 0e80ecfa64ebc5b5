"""The plan of a dataflow that the index knows, though no client declared it to this service: a Keras run's, say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, cast

import duckdb

from dlprov.model import Attribute, AttributeType, Combination, Dataflow, Extractor, Program, Set, Transformation
from dlprov.store.ownership import OwnedIndex

_SETS_OF = "ds_id IN (SELECT id FROM store.public.data_set WHERE df_id = ?)"


def find_plan(index: OwnedIndex, tag: str) -> Dataflow | None:
    """What the index knows of a dataflow, by its tag in lower case; ``None`` if it does not know it. Any thread.

    Raises:
        StoreError: The index cannot be read.
    """
    with index.reading() as connection:
        found = connection.execute("SELECT id FROM store.public.dataflow WHERE tag = ?", [tag]).fetchone()
        return None if found is None else _Reader(connection, int(found[0])).plan(tag)


class _Reader:
    """Reads one dataflow's rows; all are few."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, number: int) -> None:
        def rows(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql, [number]).fetchall()

        self._transformations = rows("SELECT id, tag FROM store.public.data_transformation WHERE df_id = ? ORDER BY id")
        self._tags = dict(rows("SELECT id, tag FROM store.public.data_set WHERE df_id = ?"))
        self._dependencies = rows(
            "SELECT ds_id, previous_dt_id, next_dt_id FROM store.public.data_dependency "  # noqa: S608 - our own text
            f"WHERE {_SETS_OF} ORDER BY id"
        )
        # What an extractor found by itself in files is no column of the rows that clients send.
        declared = "SELECT id, ds_id, tag, cartridge, extension FROM store.public.extractor WHERE is_declared"
        extractors = rows(f"{declared} AND {_SETS_OF} ORDER BY id")
        names: dict[Any, str] = {number: tag for number, _, tag, _, _ in extractors}
        self._extractors = _by(extractors, 1, lambda row: Extractor(row[2], row[3], row[4]))
        self._attributes = _by(
            [
                row
                for row in rows(
                    f"SELECT ds_id, name, type, extractor_id FROM store.public.attribute WHERE {_SETS_OF} ORDER BY id"  # noqa: S608 - as above
                )
                if row[3] is None or row[3] in names
            ],
            0,
            lambda row: Attribute(row[1], cast("AttributeType", row[2] or "TEXT"), names.get(row[3], "")),
        )
        self._combinations = _by(
            rows(
                "SELECT ds_id, outer_ext_id, inner_ext_id, keys, key_types FROM store.public.extractor_combination "  # noqa: S608 - as above
                f"WHERE {_SETS_OF} ORDER BY id"
            ),
            0,
            lambda row: Combination(
                names[row[1]], names[row[2]], tuple(row[3].split(";")), tuple((row[4] or "").split(";"))
            ),
        )
        self._programs = _by(
            rows(
                "SELECT dt_id, name, path FROM store.public.use_program JOIN store.public.program ON id = program_id "
                "WHERE df_id = ? ORDER BY id"
            ),
            0,
            lambda row: Program(row[1], row[2]),
        )

    def plan(self, tag: str) -> Dataflow:
        return Dataflow(tag, tuple(self._transformation(number, name) for number, name in self._transformations))

    def _transformation(self, number: int, tag: str) -> Transformation:
        names = dict(self._transformations)
        used = [
            Set(self._tags[number_of_set], "INPUT", dependency=names[previous])
            if previous is not None
            else self._whole(number_of_set, "INPUT")
            for number_of_set, previous, following in self._dependencies
            if following == number
        ]
        generated = dict.fromkeys(row[0] for row in self._dependencies if row[1] == number)
        sets = [*used, *(self._whole(number_of_set, "OUTPUT") for number_of_set in generated)]
        return Transformation(tag, tuple(sets), tuple(self._programs[number]))

    def _whole(self, number: int, kind: str) -> Set:
        return Set(
            self._tags[number],
            "INPUT" if kind == "INPUT" else "OUTPUT",
            tuple(self._attributes[number]),
            extractors=tuple(self._extractors[number]),
            combinations=tuple(self._combinations[number]),
        )


def _by(
    rows: list[tuple[Any, ...]], column: int, make: Callable[[tuple[Any, ...]], Any]
) -> defaultdict[Any, list[Any]]:
    """What ``make`` makes of the rows, by the value of a column."""
    found: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(make(row))
    return found
