"""From a message to a question in SQL, and to its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlprov.errors import QueryError
from dlprov.query.interface import sql
from dlprov.query.interface.catalog import Catalog, load
from dlprov.query.interface.expressions import Parser
from dlprov.query.interface.fragment import Equality, find
from dlprov.query.interface.message import Message
from dlprov.query.interface.reader import Projection, Reader
from dlprov.query.interface.sql import Names
from dlprov.query.result import Result
from dlprov.query.session import Session


@dataclass(frozen=True)
class Plan:
    """A message as a question in SQL.

    Attributes:
        dataflow: Tag of the dataflow, in lower case.
        schema: The database schema in which the names in the SQL are looked up.
        sets: Tags of the sets it reads, in the order of FROM.
        columns: What it answers, in the order of SELECT, as SQL.
        conditions: What rows must meet, in the order of WHERE, as SQL.
        header: Names of the columns as DfAnalyzer writes them: what stands behind the first point of a projection.
            A name may come twice.
        sql: The text that is shown. Its last line is a semicolon.
        statement: The text that is run: the same question, each row once and in order.
        warnings: Sentences about what the message may not have meant.
    """

    dataflow: str
    schema: str
    sets: tuple[str, ...]
    columns: tuple[str, ...]
    conditions: tuple[str, ...]
    header: tuple[str, ...]
    sql: str
    statement: str
    warnings: tuple[str, ...]


def plan(session: Session, dataflow: str, message: Message) -> Plan:
    """The question that a message asks about a dataflow. It is not run.

    Args:
        session: The store; it tells what the dataflow looks like.
        dataflow: The tag of the dataflow, in any case.
        message: What :func:`parse_message` gave.

    Raises:
        NotFoundError: The store has no dataflow of this tag.
        QueryError: The message names a set or an attribute that the dataflow lacks or that is not asked, an
            expression is none, or there are too many paths from the sources to the targets.
    """
    return compose(load(session, dataflow), message)


def compose(catalog: Catalog, message: Message) -> Plan:
    """The question that a message asks about a dataflow that is known.

    Raises:
        QueryError: As :func:`plan`.
    """
    fragment = find(catalog, message)
    warnings = [*message.warnings, *fragment.warnings]
    with Parser() as parser:
        names = Names(parser.keywords())
        reader = Reader(message, catalog, fragment.sets, parser, names)
        projections = reader.projections()
        selections = [selection.text for selection in reader.selections()]
        if fragment.is_single and selections and parser.are_separate(selections):
            conditions = selections
        else:
            conditions = [f"({text})" for text in selections]
            if fragment.is_single and selections:
                warnings.append("the conditions stand in parentheses: without them, OR would reach into the others")
    projections = projections or _mapped(names, fragment.joins)
    columns = tuple(projection.text for projection in projections) or ("*",)
    header = tuple(projection.title for projection in projections) or tuple(
        column for tag in fragment.sets for column in catalog.sets[tag].columns
    )
    conditions = list(dict.fromkeys([*conditions, *(_condition(names, join) for join in fragment.joins)]))
    sets, condition = [names.set(tag) for tag in fragment.sets], " AND ".join(conditions)
    return Plan(
        catalog.dataflow,
        catalog.schema,
        fragment.sets,
        columns,
        tuple(conditions),
        header,
        sql.shown(columns, sets, condition),
        sql.executed(columns, sets, condition),
        tuple(warnings),
    )


def answer(session: Session, plan: Plan) -> Result:
    """Run a plan: each row once, ordered by the columns from left to right, NULL last.

    The schema of the session is the same before and after.

    Args:
        session: The store to ask.
        plan: What :func:`plan` gave.

    Raises:
        QueryError: The engine refuses the question; its reason is in the message.
    """
    before = session.schema
    session.schema = plan.schema
    try:
        # Parameters, of which there are none, make sure that this is one statement.
        result = session.ask(plan.statement, [])
    finally:
        session.schema = before
    if len(result.columns) != len(plan.header):
        raise QueryError(
            f"each projection gives one column, but {', '.join(plan.columns)} gave {len(result.columns)}: name one each"
        )
    result.sql = plan.sql
    return result


def _mapped(names: Names, joins: Sequence[Sequence[Equality]]) -> list[Projection]:
    """The columns that join the sets, each once: what is answered if the message does not say."""
    columns = [pair for join in joins for equal in join for pair in ((equal.set, equal.column), equal[2:])]
    return [Projection(names.column(tag, column), column) for tag, column in dict.fromkeys(columns)]


def _condition(names: Names, join: Sequence[Equality]) -> str:
    return "({})".format(
        " OR ".join(
            f"{names.column(equal.set, equal.column)} = {names.column(equal.next_set, equal.next_column)}"
            for equal in join
        )
    )
