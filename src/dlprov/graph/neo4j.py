"""Runs into a Neo4j-compatible server, over Bolt, with the official driver."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from dlprov.errors import UsageError
from dlprov.graph.batches import Batch, batches
from dlprov.graph.cypher_text import constraint, merge
from dlprov.graph.property_graph import LABELS, Node, Relationship

if TYPE_CHECKING:
    from neo4j import ManagedTransaction, Session

SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")

AT_A_TIME = 1_000
"""Nodes or relationships in one transaction."""

CONNECT_SECONDS = 15.0

RETRY_SECONDS = 30.0
"""How long a batch is tried again that the server could not take for a reason that may pass."""


class Pushed(NamedTuple):
    """How many nodes and relationships the server has taken, those among them that it had already."""

    nodes: int
    relationships: int


def push(
    graph: Iterable[Node | Relationship],
    url: str,
    *,
    user: str,
    password: str,
    database: str | None = None,
    progress: Callable[[Pushed], None] = lambda _: None,
) -> Pushed:
    """Write a graph to a server. What it has already is brought up to date: pushing again adds nothing.

    Nodes and relationships are told apart by ``meta:identifier``. Properties that others gave them stay.

    Args:
        graph: A node comes before the relationships that it has.
        url: Such as ``bolt://localhost:7687``; one of :data:`SCHEMES`.
        user: Who may write there.
        password: Their password.
        database: The database; default: the server's.
        progress: Called after each batch with what is taken so far.

    Raises:
        UsageError: The server cannot be reached, does not let the user in or refuses what it gets; or the driver is not
            installed.
    """
    if not _is_address(url):
        raise UsageError(f"the address of a graph database was expected, such as bolt://localhost:7687; got {url!r}")
    try:
        import neo4j  # noqa: PLC0415 - an extra, and only this call needs it
        from neo4j import exceptions  # noqa: PLC0415 - likewise
    except ImportError:
        raise UsageError("this needs the driver neo4j, which is not installed: pip install 'dlprov[neo4j]'") from None
    try:
        with (
            neo4j.GraphDatabase.driver(
                url,
                auth=(user, password),
                connection_timeout=CONNECT_SECONDS,
                max_transaction_retry_time=RETRY_SECONDS,
                user_agent="dlprov",
            ) as driver,
            driver.session(database=database) as session,
        ):
            driver.verify_connectivity()
            _constrain(session)
            return _push(session, graph, progress)
    except exceptions.AuthError:
        raise UsageError(
            f"{url} does not know the user {user!r} with this password: give --user and --password-file, or set "
            "NEO4J_USERNAME and NEO4J_PASSWORD"
        ) from None
    except exceptions.ServiceUnavailable as error:
        raise UsageError(
            f"a graph database was expected at {url}, and none answers ({_reason(error)}): is it running, and is this "
            "its Bolt port?"
        ) from None
    except (exceptions.Neo4jError, exceptions.DriverError) as error:
        raise UsageError(f"the graph database at {url} refuses the graph: {_reason(error)}") from None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False  # The host or the port is none.


def _constrain(session: Session) -> None:
    """Make identifiers unique, which makes them quick to find, where the user may do so."""
    from neo4j.exceptions import ClientError, DatabaseError  # noqa: PLC0415 - see above

    for label in LABELS.values():
        try:
            session.run(constraint(label)).consume()
        except (ClientError, DatabaseError):
            # Without the right, or in a database that has no constraints, it is only slower.
            return


def _push(session: Session, graph: Iterable[Node | Relationship], progress: Callable[[Pushed], None]) -> Pushed:
    nodes = relationships = 0
    for batch in batches(graph, AT_A_TIME):
        made = session.execute_write(_write, batch)
        if made != len(batch.rows):
            raise UsageError(
                f"the server should have taken {len(batch.rows)} of {batch.name}, and took {made}: something else "
                "changes the graph; push again"
            )
        if batch.ends is None:
            nodes += made
        else:
            relationships += made
        progress(Pushed(nodes, relationships))
    return Pushed(nodes, relationships)


def _write(transaction: ManagedTransaction, batch: Batch) -> int:
    # The statement holds names alone, which are quoted; values are a parameter.
    record: Any = transaction.run(merge(batch, "$rows"), rows=batch.rows).single()
    return int(record["made"])


def _reason(error: Exception) -> str:
    """The first line of what the driver says."""
    said = str(getattr(error, "message", None) or error).strip() or type(error).__name__
    return said.splitlines()[0].partition(" (resolved to")[0]
