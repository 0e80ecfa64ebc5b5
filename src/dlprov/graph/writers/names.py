"""Names and arguments of statements as the formats spell them."""

from __future__ import annotations

from dlprov.graph.statements import ARGUMENTS, TIMES, Statement


def reference(local: str) -> str:
    """A local part in ``dlprov:`` as a qualified name."""
    return f"dlprov:{local}"


def is_time(argument: str) -> bool:
    """Whether an argument is a time, and not a reference."""
    return argument in TIMES


def given(statement: Statement) -> list[tuple[str, str]]:
    """The formal arguments that a statement has, in PROV's order; references as qualified names."""
    return [
        (name, statement.arguments[name] if is_time(name) else reference(statement.arguments[name]))
        for name in ARGUMENTS[statement.kind]
        if name in statement.arguments
    ]
