"""The reference says what the program is: tables, settings, log format, Python names."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import duckdb
import msgspec
import pytest
from docs_pages import ROOT, Block, blocks

import dlprov
import dlprov.query
from dlprov import settings
from dlprov.capture.keras.declaration import HYPERPARAMETERS
from dlprov.graph.cypher.question import graph
from dlprov.log import events, schema
from dlprov.store.names import RESERVED_SCHEMAS

REFERENCE = ROOT / "docs" / "reference"


def read(page: str) -> str:
    return (REFERENCE / page).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {heading}"
    return found[2]


def cells(text: str) -> list[list[str]]:
    """The rows of the tables in a text, without heads and rules; the backslashes before bars and brackets taken off."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = []
    for line, following in zip(lines, [*lines, ""][1:], strict=True):
        if not line.startswith("|---") and not following.startswith("|---"):
            parts = re.split(r"(?<!\\)\|", line)[1:-1]
            rows.append([re.sub(r"\\([<|])", r"\1", part.strip()) for part in parts])
    return rows


def test_tables_are_those_of_the_schema() -> None:
    connection = duckdb.connect()
    connection.execute(files("dlprov.store").joinpath("schema.sql").read_text(encoding="utf-8"))
    text = read("tables.md")
    shown = set(re.findall(r"^### `(\w+)`$", text, re.MULTILINE))
    tables = dict(
        connection.execute("SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'public'").fetchall()
    )
    assert shown == set(tables)
    for table, comment in tables.items():
        query = (
            "SELECT '`' || column_name || '`', data_type, comment FROM duckdb_columns() "
            "WHERE schema_name = 'public' AND table_name = ? ORDER BY column_index"
        )
        body = section(text, f"`{table}`")
        assert re.sub(r"\s+", " ", body.split("|")[0]).strip().replace("\\<", "<") == comment
        assert cells(body) == [list(row) for row in connection.execute(query, [table]).fetchall()], table


def test_reserved_schemas_are_named() -> None:
    text = read("tables.md")
    assert all(f"`{name}`" in text for name in RESERVED_SCHEMAS)


def test_settings_are_those_that_are_read() -> None:
    rows = cells(read("settings.md").split("\n## ")[0])
    assert rows == [[f"`{name}`", meaning] for name, meaning in settings.VARIABLES.items()]


def test_every_kind_of_event_has_its_members_described() -> None:
    text = read("log-format.md").split("\n## Events\n")[1].split("\n## Seals\n")[0]
    assert re.findall(r"^### `([\w-]+)`$", text, re.MULTILINE) == list(events.KINDS)
    for kind, type_ in events.KINDS.items():
        rows = cells(section(text, f"`{kind}`"))
        fields = [field for field in msgspec.structs.fields(type_) if field.name != "time"]
        described = [[f"`{field.encode_name}`", "yes" if field.required else "no"] for field in fields]
        assert [[row[0], row[2]] for row in rows] == described, kind


def examples() -> Iterator[tuple[str, str]]:
    for block in blocks(REFERENCE / "log-format.md"):
        if block.language == "json":
            yield from ((line, f"line {block.line}") for line in block.text.splitlines())


def test_every_example_of_the_log_format_is_what_the_writer_writes() -> None:
    kinds = set()
    for line, place in examples():
        event = events.decode(line.encode())
        assert isinstance(event, events.Event), place
        assert events.encode(event).decode() == line + "\n", place
        kinds.add(msgspec.json.decode(line)["event"])
    assert kinds == set(events.KINDS)


def test_every_example_of_the_log_format_is_valid_by_the_json_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema.json_schema())
    for line, place in examples():
        assert not list(validator.iter_errors(msgspec.json.decode(line))), place


def grammar() -> Block:
    return next(block for block in blocks(REFERENCE / "log-format.md") if block.language == "abnf")


def test_the_grammar_names_every_kind() -> None:
    rule = re.search(r"^kind-name +=(.*?)\n\n", grammar().text, re.MULTILINE | re.DOTALL)
    assert rule
    assert re.findall(r'"([\w-]+)"', rule[1]) == list(events.KINDS)


def test_the_grammar_defines_what_it_uses() -> None:
    text = re.sub(r";[^\n]*", "", grammar().text)
    defined = set(re.findall(r"^([\w-]+) +=", text, re.MULTILINE))
    used = set(re.findall(r"[A-Za-z][\w-]*", re.sub(r'%s"[^"]*"|"[^"]*"|%x[0-9A-F-]+', "", text)))
    # JSON's own rules, and those of ABNF's appendix.
    assert used - defined == {"object", "string", "number", "DQUOTE", "DIGIT", "HEXDIG"}


def test_the_version_of_the_format_is_the_one_described() -> None:
    assert f"its full name is `{events.FORMAT}`" in read("log-format.md")


def test_every_public_name_is_on_the_page() -> None:
    text = read("python-api.md")
    for public in dlprov.__all__:
        assert f"### `{public}`" in text or f"| `{public}` |" in text or f"`dlprov.{public}`" in text, public


OWNERS: dict[str, Any] = {"dlprov": dlprov, "run": dlprov.Run, "task": dlprov.Task, "result": dlprov.Result}

PACKAGES: dict[str, Any] = {"query": dlprov.query.query, "graph": graph}
"""The functions that share their name with a package."""


def signatures() -> list[str]:
    found = [block.text for block in blocks(REFERENCE / "python-api.md") if block.language == "python"]
    return [line for text in found for line in text.splitlines()]


@pytest.mark.parametrize("line", signatures(), ids=lambda line: line.partition("(")[0])
def test_a_signature_is_the_one_of_the_program(line: str) -> None:
    owner, method, arguments = re.fullmatch(r"(\w+)\.(\w+)\((.*)\) -> .*", line).groups()  # type: ignore[union-attr]
    function = PACKAGES.get(method) or getattr(OWNERS[owner], method)
    # As text: a signature with its annotations taken off, and without self.
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "self"
    ]
    actual = str(inspect.Signature(parameters))
    assert ast.dump(ast.parse(f"def f({arguments}): ...")) == ast.dump(ast.parse(f"def f{actual}: ..."))


INTERNAL = {
    "add_environment", "complain", "cut", "emit", "key_for", "next_element", "next_task", "of_rows", "pack",
    "plain_rows", "problem", "text_rows", "unpack", "widths", "write",
}  # fmt: skip
"""For the adapters and the service of this package, and for making results."""


def test_every_public_method_has_its_signature_on_the_page() -> None:
    shown = {line.partition("(")[0] for line in signatures()}
    for owner in ("run", "task", "result"):
        for method in dict(inspect.getmembers(OWNERS[owner], inspect.isfunction)):
            common = owner == "task" and f"run.{method}" in shown
            if not method.startswith("_") and method not in INTERNAL and not common:
                assert f"{owner}.{method}" in shown


def test_keras_names_every_hyperparameter() -> None:
    text = read("keras.md")
    assert all(f"`{hyperparameter}`" in text for hyperparameter in HYPERPARAMETERS)


def test_the_signature_of_provenance_is_the_one_of_the_program() -> None:
    line = next(block.text for block in blocks(REFERENCE / "keras.md") if block.text.startswith("model.provenance("))
    arguments = line.strip().removeprefix("model.provenance(").removesuffix(")")
    assert f"dlprov.provenance(model, {arguments}) -> None" in signatures()
