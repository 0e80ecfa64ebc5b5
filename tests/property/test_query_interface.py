"""The query interface over generated dataflows and messages: every path counts, and no text becomes more than it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, pairwise
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dlprov
from dlprov.query.interface import Message, parse_message
from dlprov.query.interface.catalog import Catalog, load
from dlprov.query.interface.paths import Search
from dlprov.query.interface.plan import compose

SETS = [f"s{number}" for number in range(6)]

graphs = st.fixed_dictionaries({tag: st.lists(st.sampled_from(SETS), unique=True, max_size=4) for tag in SETS})
some = st.lists(st.sampled_from(SETS), unique=True, max_size=2)


def every_path(graph: Mapping[str, Sequence[str]], path: tuple[str, ...], target: str) -> Iterator[tuple[str, ...]]:
    """All paths by the rule, one by one: the direct link first, then every neighbour that is not on the path."""
    if target in graph[path[-1]]:
        yield (*path, target)
    for following in graph[path[-1]]:
        if following != target and following not in path:
            yield from every_path(graph, (*path, following), target)


@settings(max_examples=1000)
@given(graph=graphs, source=st.sampled_from(SETS), target=st.sampled_from(SETS), include=some, exclude=some)
def test_the_sets_and_links_of_all_paths_are_found_in_order(
    graph: dict[str, list[str]], source: str, target: str, include: list[str], exclude: list[str]
) -> None:
    every = [] if source == target else every_path(graph, (source,), target)
    expected = [path for path in every if set(include) <= set(path) and set(exclude).isdisjoint(path)]
    found = list(Search(graph, include, exclude).paths(source, target))
    assert set(found) <= set(expected)
    assert list(dict.fromkeys(tag for path in found for tag in path)) == list(
        dict.fromkeys(tag for path in expected for tag in path)
    )
    assert list(dict.fromkeys(link for path in found for link in pairwise(path))) == list(
        dict.fromkeys(link for path in expected for link in pairwise(path))
    )


def test_a_ladder_with_more_paths_than_atoms_is_no_trouble() -> None:
    ladder: dict[str, list[str]] = {"n300": []}
    for number in range(300):
        ladder |= {f"n{number}": [f"a{number}", f"b{number}"]}
        ladder |= {f"{side}{number}": [f"n{number + 1}"] for side in "ab"}
    found = list(Search(ladder).paths("n0", "n300"))
    assert {tag for path in found for tag in path} == set(ladder)
    left = [f"a{number}" for number in range(0, 300, 2)]
    over = {tag for path in Search(ladder, include=left).paths("n0", "n300") for tag in path}
    assert set(ladder) - over == {f"b{number}" for number in range(0, 300, 2)}


def test_a_long_chain_is_no_trouble() -> None:
    line = {str(number): [str(number + 1)] for number in range(5000)} | {"5000": []}
    assert len(next(Search(line).paths("0", "5000"))) == 5001


def test_what_cannot_be_searched_is_given_up_with_a_reason() -> None:
    everything = {str(number): [str(other) for other in range(40) if other != number] for number in range(40)}
    with pytest.raises(dlprov.QueryError, match=r"from 0 to 39 was given up after 300,000 steps, its limit: exclude"):
        list(Search(everything).paths("0", "39"))
    search = Search(everything, exclude=[str(number) for number in range(6, 39)], limit=1000)
    assert list(search.paths("0", "39"))
    # All searches of one message share the limit.
    with pytest.raises(dlprov.QueryError, match="1,000 steps"):
        list(chain.from_iterable(search.paths(source, "39") for source in everything))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    place = tmp_path_factory.mktemp("store")
    with dlprov.start_run("safe", store=place) as run:
        with run.task("t") as first:
            first.used("a", x=1, y="one")
            first.generated("b", x=1)
        with run.task("u") as second:
            second.used_all("b", first)
            second.generated("c", x=1)
    return load(dlprov.query.open_session(place), "safe")


pieces = st.sampled_from(
    ["a.x", "b.x", "c.x", "x", "1", "'", "''", '"', "(", ")", "((", "))", ") OR (", ") AND (", "--", "/*", "*/", "$$",
     "\\", "e'", "=", ">", ",", " ", " OR ", " AND ", " NOT ", " UNION ", " SELECT ", " FROM a", " WHERE ", " IN ",
     " ORDER BY ", " LIMIT ", " as ", " x", "*", "?", "::", "[", "]", "{", "}", ":", "->", "lambda x: ", "true",
     " BETWEEN ", "CASE ", " END ", "\t", "\n", "\r", "\x00", "\u2028", "é", "#1", "%", "read_text('x')", "run"]
)  # fmt: skip
valid = st.recursive(
    st.sampled_from(
        [
            "a.x = 1",
            "a.y LIKE 'o%'",
            "a.x IN (1, 2)",
            "true",
            "x IS NULL",
            "(SELECT max(x) FROM b) > a.x",
            "a.y = $$--$$",
        ]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" AND ", " OR ", " = "]), inner).map("".join),
        inner.map("({})".format),
        inner.map("NOT {}".format),
        inner.map("CASE WHEN {} THEN true END".format),
    ),
    max_leaves=4,
)


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """An expression with something in it that may not belong there."""
    text = draw(valid)
    position = draw(st.integers(0, len(text)))
    return text[:position] + draw(pieces) + text[position:]


texts = valid | spoiled() | st.lists(pieces, min_size=1, max_size=8).map("".join) | st.text(max_size=8)


@settings(max_examples=200)
@given(selection=st.lists(texts, max_size=2), projection=st.lists(texts, max_size=2), single=st.booleans())
@example(["a.x = 1) OR (b.x = 1"], [], False)
@example(["a.x = 1) UNION SELECT 1 --"], ["a.x"], False)
@example(["a.x = 1 --"], ["a.x", "count(*)"], False)
@example(["a.x = 1 OR a.x = 2", "a.x = 3"], ["a.x"], True)
@example(["lambda x: x", "a.x = 3"], ["a.x"], True)
@example(["a.x = 1"], ["1) FROM run --", "1, (SELECT 2"], True)
def test_a_question_reads_what_it_names_and_keeps_every_condition(
    catalog: Catalog, selection: list[str], projection: list[str], single: bool
) -> None:
    target = "a" if single else "c"
    message = Message("physical", ("a",), (target,), selection=tuple(selection), projection=tuple(projection))
    try:
        found = compose(catalog, message)
    except dlprov.QueryError:
        return
    sets = {"a"} if single else {"a", "b", "c"}
    joins = [] if single else ["a.t_task_id = b.t_task_id", "b.u_task_id = c.u_task_id"]
    for sql in (found.sql.removesuffix("\n;"), found.statement):
        tree = parsed(sql)
        assert sorted(tables(tree["from_table"])) == sorted(sets)
        assert len(tree["select_list"]) == len(found.columns) == len(found.header) or found.columns == ("*",)
        assert not any(tree[part] for part in ("group_expressions", "having", "qualify", "sample"))
        kept = conjuncts(tree["where_clause"])
        for condition in (*selection, *joins):
            for part in conjuncts(parsed(f"SELECT {condition}")["select_list"][0]):
                assert part in kept


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """One of our own: an unfinished question in the one that everybody shares would disturb other tests."""
    return duckdb.connect(":memory:")


def parsed(sql: str) -> Any:
    """The syntax tree of one question, without positions."""
    found = json.loads(engine().execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0])
    assert len(found["statements"]) == 1
    assert found["statements"][0]["node"]["type"] == "SELECT_NODE"
    return unplaced(found["statements"][0]["node"])


def unplaced(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: unplaced(value) for name, value in node.items() if not name.startswith("query_location")}
    return [unplaced(part) for part in node] if isinstance(node, list) else node


def tables(source: Any) -> list[str]:
    if source["type"] == "JOIN":
        return tables(source["left"]) + tables(source["right"])
    assert source["type"] == "BASE_TABLE"
    return [source["table_name"]]


def conjuncts(condition: Any) -> list[Any]:
    if condition is None:
        return []
    if condition["type"] == "CONJUNCTION_AND":
        return [part for child in condition["children"] for part in conjuncts(child)]
    return [condition]


@given(text=st.text(alphabet="sourcetarg(){};: \n\r.ab=1'", max_size=60))
def test_any_text_is_a_message_or_an_error(text: str) -> None:
    try:
        message = parse_message(text)
    except dlprov.QueryError:
        return
    for tag in (*message.source, *message.target):
        assert tag
        assert ";" not in tag
        assert "\n" not in tag
