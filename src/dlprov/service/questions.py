"""Questions as DfAnalyzer's server took them: the query interface, its answers as page and file, dataflows as JSON."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from dlprov.query import Session
from dlprov.query.interface import answer, parse_message, plan
from dlprov.service import html
from dlprov.service.asking import Desk
from dlprov.service.errors import RefusedError
from dlprov.service.kept import COOKIE, client_of, csv_lines, new_client
from dlprov.service.operations import HTML, JSON, OLD, TEXT, TEXT_SCHEMA, Operation, Parameter
from dlprov.service.routes import VERBS

ROWS = 1_000_000
"""The most rows of an answer of the query interface."""

ROWS_ON_PAGE = 10_000
"""The most rows of an answer on a page; the file has all."""

WARNING = "Dlprov-Warning"
"""Header with what the message of a question may not have meant."""

_RULE = "=" * 48
_UNITS = ((60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "μs"))


def elapsed(seconds: float) -> str:
    """A time as DfAnalyzer's server wrote it: four digits, and the largest unit of which there is at least one."""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1e-9, "ns"))
    return f"{seconds / size:#.4g}".rstrip(".") + f" {unit}"


def message_in(body: bytes, is_form: bool) -> str:
    """The message of the query interface in a body.

    In a form it is the field ``message``, encoded as in a URL; otherwise the body itself, letter by letter. The field
    goes to the end of the body, as in DfAnalyzer's server, so a message may have an ampersand.

    Raises:
        RefusedError: It is no text.
    """
    text = body.removeprefix(b"message=")
    if is_form and len(text) < len(body):
        text = unquote_to_bytes(text.replace(b"+", b" "))
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(400, f"a message in UTF-8 was expected, got other bytes ({error.reason})") from None


async def ask_and_keep(desk: Desk, request: Request, dataflow: str, message: str) -> tuple[str, list[str], str]:
    """Ask with a message, and keep the answer for the client.

    Gives the SQL, sentences about what the message may not have meant, and a name for a browser that has none yet.

    Raises:
        DlprovError: The message cannot be understood or answered.
    """
    parsed = parse_message(message)
    client = client_of(request)
    fresh = "" if client else new_client(request)

    def ask(session: Session) -> tuple[str, list[str]]:
        planned = plan(session, dataflow, parsed)
        session.most_rows = ROWS + 1
        result = answer(session, planned)
        warnings = list(planned.warnings)
        if result.cut(ROWS):
            warnings.append(f"only the first {ROWS:,} rows are kept")
        with desk.service.index.scratch_file() as path:
            result.pack(path)
            desk.kept.keep(client or fresh, path, planned.header or tuple(result.columns))
        return planned.sql, warnings

    sql, warnings = await desk.ask(request, ask)
    return sql, warnings, fresh


def name_client(response: Response, fresh: str) -> None:
    """Give a browser the name under which its answer is kept."""
    if fresh:
        response.set_cookie(COOKIE, fresh, httponly=True, samesite="strict")


async def _ask(desk: Desk, request: Request, values: dict[str, Any]) -> Response:
    began = time.monotonic()
    kind = request.headers.get("content-type", "application/x-www-form-urlencoded").partition(";")[0].strip().lower()
    message = message_in(await request.body(), kind == "application/x-www-form-urlencoded")
    sql, warnings, fresh = await ask_and_keep(desk, request, values["df_tag"], message)
    line = f"Query elapsed time (generation + execution): {elapsed(time.monotonic() - began)}"
    response = PlainTextResponse(f"{sql}\n{_RULE}\n{line}\n{_RULE}\nCurrentPath:.")
    for warning in warnings:
        response.headers.append(WARNING, warning.encode("ascii", "backslashreplace").decode().replace("\n", " "))
    name_client(response, fresh)
    return response


def kept_table(desk: Desk, client: str) -> str:
    """The kept answer of a client as HTML. All cells are heads, as in DfAnalyzer's page, which scripts take apart."""
    found = desk.kept.answer(client)
    if found is None:
        return "<p>There is no result yet: ask a question first.</p>"
    result, header = found
    rows = [header, *islice(result.text_rows("null"), ROWS_ON_PAGE)]
    lines = ("<tr>" + "".join(f"<th>{html.text(cell)}</th>" for cell in row) + "</tr>" for row in rows)
    more = f"<p>The first {ROWS_ON_PAGE:,} of {len(result):,} rows; the file has all.</p>"
    shown = more if len(result) > ROWS_ON_PAGE else ""
    table = f'<div class="wide"><table class="result">{"".join(lines)}</table></div>'
    return f'{table}{shown}<p><a href="/downloadCSV">Download CSV</a></p>'


async def _table(desk: Desk, request: Request, _values: dict[str, Any]) -> Response:
    shown = await run_in_threadpool(kept_table, desk, client_of(request))
    return html.page("Result", f"<h1>Table with result</h1>{shown}")


async def _file(desk: Desk, request: Request, _values: dict[str, Any]) -> Response:
    found = await run_in_threadpool(desk.kept.answer, client_of(request))
    lines = csv_lines(*found) if found is not None else iter(())
    # The type is what DfAnalyzer's server called it.
    headers = {"Content-Type": "aplication/xls", "Content-Disposition": 'attachment;filename="query_result.csv"'}
    return StreamingResponse(lines, headers=headers)


async def _list(desk: Desk, request: Request, _values: dict[str, Any]) -> Response:
    def ask(session: Session) -> list[dict[str, Any]]:
        return session.ask("SELECT id, tag FROM public.dataflow ORDER BY id").dicts()

    return JSONResponse(await desk.ask(request, ask))


async def _graph(desk: Desk, request: Request, values: dict[str, Any]) -> Response:
    def ask(session: Session) -> dict[str, Any]:
        return graph_of(session, values["dfId"])

    return JSONResponse(await desk.ask(request, ask))


def graph_of(session: Session, dataflow: int) -> dict[str, Any]:
    """The sets of a dataflow as nodes, and the transformations between them as edges, as DfAnalyzer's pages draw them.

    Empty, if there is no dataflow of this number.
    """
    sets = session.ask(
        """
        SELECT s.id, s.tag, coalesce(list(a.name ORDER BY a.id) FILTER (a.id IS NOT NULL), []) AS names,
               coalesce(list(coalesce(a.type, 'TEXT') ORDER BY a.id) FILTER (a.id IS NOT NULL), []) AS types
        FROM public.data_set AS s LEFT JOIN public.attribute AS a ON a.ds_id = s.id
        WHERE s.df_id = $dataflow GROUP BY s.id, s.tag ORDER BY s.id
        """,
        {"dataflow": dataflow},
    ).rows()
    links = session.ask(
        """
        SELECT DISTINCT used.ds_id, generated.ds_id, t.tag, t.id
        FROM public.data_transformation AS t
        JOIN public.data_dependency AS used ON used.next_dt_id = t.id
        JOIN public.data_dependency AS generated ON generated.previous_dt_id = t.id
        WHERE t.df_id = $dataflow ORDER BY t.id, used.ds_id, generated.ds_id
        """,
        {"dataflow": dataflow},
    ).rows()
    nodes = [
        {"id": number, "label": tag, "shape": "box", "title": f"({','.join(names)})"}
        | ({"color": "#7BE141"} if tag.startswith("i") else {})
        for number, tag, names, _ in sets
    ]
    edges = [
        {"from": used, "to": generated, "arrows": "to", "label": tag, "color": {"color": "black"}}
        for used, generated, tag, _ in links
    ]
    attributes = {
        str(number): {
            "name": tag,
            "atts": [{"name": name, "type": kind} for name, kind in zip(names, types, strict=True)],
        }
        for number, tag, names, types in sets
    }
    return {"graph": {"nodes": nodes, "edges": edges}, "allAttrsMap": attributes}


_NUMBER = {"type": "integer"}

_GRAPH = {
    "type": "object",
    "required": ["graph", "allAttrsMap"],
    "properties": {
        "graph": {
            "type": "object",
            "required": ["nodes", "edges"],
            "properties": {
                "nodes": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["id", "label", "shape", "title"],
                        "properties": {
                            "id": _NUMBER,
                            "label": TEXT_SCHEMA,
                            "shape": {"const": "box"},
                            "title": TEXT_SCHEMA,
                            "color": TEXT_SCHEMA,
                        },
                    },
                },
                "edges": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["from", "to", "arrows", "label", "color"],
                        "properties": {"from": _NUMBER, "to": _NUMBER, "label": TEXT_SCHEMA},
                    },
                },
            },
        },
        "allAttrsMap": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["name", "atts"],
                "properties": {
                    "name": TEXT_SCHEMA,
                    "atts": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["name", "type"],
                            "properties": {"name": TEXT_SCHEMA, "type": TEXT_SCHEMA},
                        },
                    },
                },
            },
        },
    },
}

_LIST = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["id", "tag"],
        "properties": {"id": _NUMBER, "tag": TEXT_SCHEMA},
    },
}

OPERATIONS = (
    Operation(
        "/query_interface/{df_tag}/{df_id}",
        "Ask with a message of the query interface",
        {TEXT: TEXT_SCHEMA},
        _ask,
        methods=("POST",),
        parameters=(
            Parameter("df_tag", "the tag of a dataflow", TEXT_SCHEMA, required=True, place="path"),
            Parameter("df_id", "its number or version, which is not looked at", _NUMBER, required=True, place="path"),
        ),
        body={
            "application/x-www-form-urlencoded": {
                "type": "object",
                "required": ["message"],
                "properties": {"message": TEXT_SCHEMA},
            },
            TEXT: TEXT_SCHEMA,
        },
        tag=OLD,
        details=(
            "Answers with the SQL that the message became, and how long it took. The rows are at /downloadCSV and "
            f"/query_processing. The header {WARNING} has what the message may not have meant."
        ),
        errors=(400, 404, 503),
    ),
    Operation(
        "/query_processing",
        "The last answer of the query interface as a page",
        {HTML: TEXT_SCHEMA},
        _table,
        methods=("POST",),
        body={"application/x-www-form-urlencoded": {"type": "object", "properties": {"csv": TEXT_SCHEMA}}},
        tag=OLD,
        details="The body is not looked at.",
        errors=(),
    ),
    Operation(
        "/downloadCSV",
        "The last answer of the query interface as a file",
        {"aplication/xls": TEXT_SCHEMA},
        _file,
        tag=OLD,
        details="Each field is followed by a semicolon. Without an answer the file is empty.",
        errors=(),
    ),
    Operation("/api/dataflows/list", "All dataflows", {JSON: _LIST}, _list, methods=VERBS, tag=OLD, errors=(503,)),
    Operation(
        "/api/dataflows/{dfId}",
        "The sets of a dataflow and the transformations between them",
        {JSON: _GRAPH},
        _graph,
        methods=VERBS,
        parameters=(Parameter("dfId", "the number of a dataflow", _NUMBER, required=True, place="path"),),
        tag=OLD,
        details="Empty, if there is no such dataflow.",
        errors=(400, 503),
    ),
)
"""DfAnalyzer's questions, a route each."""
