"""The validity of a PROV document (PROV-CONSTRAINTS, section 7)."""

from __future__ import annotations

from dataclasses import replace

from prov.model import ProvBundle, ProvDocument

from dlprov.graph.constraints import impossibility, keys, ordering, typing
from dlprov.graph.constraints.inferences import inferred, specialized
from dlprov.graph.constraints.statements import Statement, statements_of
from dlprov.graph.constraints.violations import Violation


def check(document: ProvDocument) -> list[Violation]:
    """Why a document is not valid; an empty list if it is.

    Args:
        document: It is not changed. Any size: the time is about proportional to the number of statements.

    Returns:
        One violation for each reason, those of the top level first, then those of each bundle.
    """
    found = _instance(document)
    for bundle in document.bundles:
        name = bundle.identifier.uri if bundle.identifier is not None else ""
        found += [replace(violation, bundle=name) for violation in _instance(bundle)]
    return found


def _instance(bundle: ProvBundle) -> list[Violation]:
    statements, violations = normalized(list(statements_of(bundle)))
    violations += keys.activity_times(statements)
    violations += ordering.check(statements)
    violations += typing.check(statements)
    violations += impossibility.check(statements)
    # Two ways to the same contradiction are one.
    found: dict[tuple[tuple[int, ...], str], Violation] = {}
    for violation in violations:
        found.setdefault((violation.constraints, violation.message), violation)
    return list(found.values())


def normalized(stated: list[Statement]) -> tuple[list[Statement], list[Violation]]:
    """The statements, with all that follows from them, and those with one key made one."""
    statements, violations = keys.merged([*stated, *specialized(stated)])
    known: set[tuple[object, ...]] = set()
    while True:
        # What was made one may have more conclusions than its parts had.
        news = [item for item in inferred(statements) if (_identity(item)) not in known]
        if not news:
            return statements, violations
        known |= {_identity(item) for item in news}
        statements, more = keys.merged([*statements, *news])
        violations += more


def _identity(statement: Statement) -> tuple[object, ...]:
    return (statement.kind, statement.id, *sorted(statement.arguments.items()))
