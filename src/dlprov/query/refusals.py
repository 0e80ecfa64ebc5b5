"""What to do instead of a statement that would change something, in the words of those who type it."""

from __future__ import annotations

from dlprov.query.statements import first_words

_ADVICE = {
    "ALTER": "attributes need no ALTER TABLE: one that a task reports for the first time becomes a column by itself",
    "COPY": "bring a dump in with dlprov import, and write an answer to a file with dlprov query … -o FILE",
    "CREATE VIEW": "begin the question with WITH name AS (SELECT …) instead, or keep the answer with "
    "dlprov query … -o answer.parquet",
    "CREATE SCHEMA": "a dataflow that is declared or recorded gets its schema by itself",
    "DELETE": "remove the directory of a run from runs/ in the store, and its rows are gone with the next question",
    "INSERT": "record with dlprov.start_run or with dfa_lib_python, and the rows are there with the next question",
    "UPDATE": "a row has its uuid from the start, the same in every index, and the other values are what was recorded",
}
_ADVICE["DROP"] = _ADVICE["TRUNCATE"] = _ADVICE["DELETE"]
_ADVICE["CREATE OR"] = _ADVICE["CREATE TABLE"] = _ADVICE["CREATE TEMP"] = _ADVICE["CREATE VIEW"]

_OTHERWISE = "export an answer to work on it"

_CHANGES = frozenset({"ALTER", "COPY", "CREATE", "DELETE", "DROP", "INSERT", "MERGE", "TRUNCATE", "UPDATE"})


def is_change(statement: str) -> bool:
    """Whether a statement begins like one that would change something, in the engine's SQL or in MonetDB's."""
    return first_words(statement, 1) in _CHANGES


def refusal(statement: str, kind: str = "") -> str:
    """The message for a statement that is no question.

    Args:
        statement: The statement.
        kind: What the engine calls it; default: its first word.
    """
    named = kind or first_words(statement, 1).lower() or "empty"
    advice = _ADVICE.get(first_words(statement, 2)) or _ADVICE.get(first_words(statement, 1)) or _OTHERWISE
    article = "an" if named[0] in "aeiou" else "a"
    return (
        f"a question was expected, got {article} {named} statement: the tables are made from the run logs and cannot "
        f"be changed; {advice}"
    )
