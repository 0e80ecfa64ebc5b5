"""Pages for people, where DfAnalyzer had its own: the dataflows, one dataflow with a form for questions, and help."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote as escaped

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from dlprov._version import __version__
from dlprov.errors import QueryError
from dlprov.query import Session
from dlprov.service import html
from dlprov.service.asking import Desk
from dlprov.service.drawing import drawing
from dlprov.service.errors import RefusedError
from dlprov.service.html import text
from dlprov.service.kept import client_of
from dlprov.service.operations import HTML, OLD, TEXT_SCHEMA, Operation, Parameter
from dlprov.service.questions import ask_and_keep, graph_of, kept_table, message_in, name_client
from dlprov.service.routes import VERBS

RUNS = 50
"""How many of its latest runs the page of a dataflow shows."""


async def _dataflows(desk: Desk, request: Request, _values: dict[str, Any]) -> Response:
    def ask(session: Session) -> list[tuple[Any, ...]]:
        return session.ask(
            """
            SELECT d.id, d.tag, count(r.run_id), count(r.run_id) FILTER (r.status = 'running'), max(r.started)
            FROM public.dataflow AS d LEFT JOIN public.run AS r ON r.dataflow = d.tag
            GROUP BY d.id, d.tag ORDER BY d.id
            """
        ).rows()

    rows = [
        [
            f"<b>{text(tag)}</b>",
            f'<a href="/dfview/visualization?dfId={number}">View</a>',
            f"{runs:,}" + (f" ({running:,} running)" if running else ""),
            _minute(started),
        ]
        for number, tag, runs, running, started in await desk.ask(request, ask)
    ]
    shown = html.table(["dataflow", "", "runs", "latest start (UTC)"], rows) if rows else _NOTHING
    return html.page("List Dataflows", f'<h1>All dataflows of this store</h1><div class="wide">{shown}</div>{_FOOT}')


async def _dataflow(desk: Desk, request: Request, values: dict[str, Any]) -> Response:
    number = values["dfId"]

    def ask(session: Session) -> tuple[str, dict[str, Any], list[tuple[Any, ...]]]:
        found = session.ask("SELECT tag FROM public.dataflow WHERE id = ?", [number]).rows()
        if not found:
            raise RefusedError(404, f"there is no dataflow {number} in this store: /dfview lists them")
        runs = session.ask(
            'SELECT run_id, name, status, started, duration, "user", host FROM public.run WHERE dataflow = ? '
            "ORDER BY started DESC NULLS LAST, run_id DESC LIMIT ?",
            [found[0][0], RUNS],
        ).rows()
        return found[0][0], graph_of(session, number), runs

    tag, graph, runs = await desk.ask(request, ask)
    message = _example(graph)
    answer, fresh = "", ""
    if request.method == "POST":
        message = message_in(await request.body(), is_form=True).replace("\r\n", "\n")
        answer, fresh = await _answer(desk, request, tag, message)
    response = html.page(f"DfAnalyzer: {tag}", _dataflow_page(number, tag, graph, runs, message, answer))
    name_client(response, fresh)
    return response


async def _answer(desk: Desk, request: Request, tag: str, message: str) -> tuple[str, str]:
    """The answer to a message as HTML, and a name for a browser that has none yet."""
    try:
        sql, warnings, fresh = await ask_and_keep(desk, request, tag, message)
    except QueryError as error:
        return f'<pre class="warning" id="answer">{text(error)}</pre>', ""
    remarks = "".join(f'<p class="warning">{text(warning)}</p>' for warning in warnings)
    table = await run_in_threadpool(kept_table, desk, fresh or client_of(request))
    return f'<h2 id="answer">Answer</h2><pre>{text(sql)}</pre>{remarks}{table}', fresh


def _dataflow_page(
    number: int, tag: str, graph: dict[str, Any], runs: list[tuple[Any, ...]], message: str, answer: str
) -> str:
    sets = [
        [
            text(found["name"]),
            ", ".join(f"{text(each['name'])} <small>{text(each['type'])}</small>" for each in found["atts"]),
        ]
        for found in graph["allAttrsMap"].values()
    ]
    done = [
        [
            f'<a href="/api/runs/{escaped(run_id)}"><code>{text(run_id[-12:])}</code></a>',
            text(name or ""),
            text(status),
            _minute(started),
            f"{duration:,.1f}" if duration is not None else "",
            text("@".join(filter(None, (user, host)))),
        ]
        for run_id, name, status, started, duration, user, host in runs
    ]
    head = ["run", "name", "status", "start (UTC)", "seconds", "by"]
    picture = drawing(graph["graph"]["nodes"], graph["graph"]["edges"])
    return f"""
<h1>Dataflow tag: {text(tag)}</h1>
<div class="wide">{picture}</div>
<h2>Sets</h2>
<div class="wide">{html.table(["set", "attributes"], sets) if sets else '<p class="note">none yet</p>'}</div>
<h2>Ask</h2>
<p>A message of the query interface; <a href="/dfview/help#query">help</a>. For SQL there is
<a href="/api">the API</a>, and <code>dlprov query</code> on the command line.</p>
<form method="post" action="/dfview/visualization?dfId={number}#answer">
<textarea name="message" aria-label="message" spellcheck="false">{text(message)}</textarea>
<button>Run query</button>
</form>
{answer}
<h2>Runs</h2>
<div class="wide">{html.table(head, done) if done else '<p class="note">none yet</p>'}</div>
{f'<p class="note">The latest {RUNS}.</p>' if len(done) == RUNS else ""}"""


def _example(graph: dict[str, Any]) -> str:
    """A message that has an answer, to begin with."""
    sets = graph["allAttrsMap"]
    edges = graph["graph"]["edges"]
    if not edges:
        names = [found["name"] for found in sets.values()]
        return f"source({names[0]})\ntarget({names[0]})\n" if names else ""
    first, second = sets[str(edges[0]["from"])], sets[str(edges[0]["to"])]
    projected = [f"{found['name']}.{each['name']}" for found in (first, second) for each in found["atts"][:2]]
    lines = ["mapping(physical)", f"source({first['name']})", f"target({second['name']})"]
    return "\n".join([*lines, f"projection({'; '.join(projected)})"]) + "\n"


def _minute(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at is not None else ""


async def _help(_desk: Desk, _request: Request, _values: dict[str, Any]) -> Response:
    parts = []
    for anchor, title, path, use, rows in _FUNCTIONS:
        functions = [[text(concept), f"<code>{text(function)}</code>"] for concept, function in rows]
        shown = html.table(["concept", "function"], functions)
        parts.append(
            f'<h2 id="{anchor}">{text(title)}</h2><p><code>{text(path)}</code>: {text(use)}</p>'
            f'<div class="wide">{shown}</div>'
        )
    return html.page("DfA's Docs", f"<h1>Documentation of RESTful services</h1>{_INTRODUCTION}{''.join(parts)}")


async def _sample(_desk: Desk, _request: Request, _values: dict[str, Any]) -> Response:
    names = ("ideduplication", "odeduplication", "oeurope", "onamerica", "ojoin")
    nodes = [
        {"id": number, "label": name, "title": name} | ({"color": "#7BE141"} if name.startswith("i") else {})
        for number, name in enumerate(names)
    ]
    links = ((0, 1, "deduplication"), (1, 2, "europe"), (1, 3, "namerica"), (2, 4, "join"), (3, 4, "join"))
    edges = [{"from": begin, "to": end, "label": label} for begin, end, label in links]
    return html.page(
        "DfAnalyzer: clothing",
        '<h1>Dataflow tag: clothing</h1><p>How a dataflow is shown. <a href="/dfview">Yours are here.</a></p>'
        f'<div class="wide">{drawing(nodes, edges)}</div>',
    )


async def _style(_desk: Desk, _request: Request, _values: dict[str, Any]) -> Response:
    return Response(html.style(), media_type="text/css", headers={"Cache-Control": "max-age=3600"})


_NOTHING = "<p>There are none yet: <code>dlprov demo</code> makes one.</p>"
_FOOT = f'<p class="note">dlprov {__version__}</p>'

_INTRODUCTION = """
<p>Messages as DfAnalyzer's clients send them, a function a line. Programs of today send JSON to
<code>/pde/dataflow/json</code> and <code>/pde/task/json</code>, and ask with <a href="/api">the API</a>, of which there
is also a <a href="/api/openapi.json">description for machines</a> (OpenAPI).</p>"""

_FUNCTIONS = (
    (
        "dataflow",
        "Plan: what a dataflow consists of",
        "POST /pde/dataflow",
        "once, or at each start of the program: what is known already stays as it is.",
        (
            ("Dataflow", "dataflow(tag)"),
            ("Program", "program(name, path)"),
            ("Dataset", "dataset(tag, {attributes}, {types})"),
            ("Extractor", "extractor(datasetTag, tag, method, cartridge, {attributes}, {types})"),
            ("Extractor combination", "extractor_combination(datasetTag, innerTag, outerTag, {keys}, {types})"),
            ("Transformation", "transformation(tag, {inputs}, {outputs}, {programs})"),
        ),
    ),
    (
        "task",
        "Execution: what a task did",
        "POST /pde/task",
        "one message a task, or several: when it begins, whenever it has something to tell, when it ends.",
        (
            ("Task", "task(dataflowTag, transformationTag, id[, subId], status[, workspace[, resource]])"),
            ("Collection", "collection(datasetTag, {{value;value};{value;value}})"),
            ("Dependency", "dependency({transformationTags}, {ids})"),
            ("File", "file(name, path)"),
        ),
    ),
    (
        "query",
        "Query interface: ask along the paths of a dataflow",
        "POST /query_interface/{dataflow}/{id}",
        "sets are joined along the paths between sources and targets. Several arguments are separated by semicolons.",
        (
            ("Mapping: how neighbours are joined", "mapping(physical | logical | hybrid)"),
            ("Sets that paths begin with", "source(set; set)"),
            ("Sets that paths end with", "target(set; set)"),
            ("Sets that a path must contain", "include(set; set)"),
            ("Sets that a path must not contain", "exclude(set; set)"),
            ("What is answered", "projection(set.attribute; set.attribute)"),
            ("What rows must meet", "selection(set.attribute > 100)"),
        ),
    ),
)
"""What the help lists: anchor, title, route, use, and concepts with their functions."""

_ID = Parameter("dfId", "the number of a dataflow", {"type": "integer"}, required=True)

OPERATIONS = (
    Operation("/", "All dataflows", {HTML: TEXT_SCHEMA}, _dataflows, methods=VERBS, tag=OLD, errors=()),
    Operation("/dfview", "All dataflows", {HTML: TEXT_SCHEMA}, _dataflows, tag=OLD, errors=()),
    Operation(
        "/dfview/visualization",
        "One dataflow: its sets, its runs, and a form for questions",
        {HTML: TEXT_SCHEMA},
        _dataflow,
        methods=("GET", "POST"),
        parameters=(_ID,),
        tag=OLD,
    ),
    Operation("/dfview/help", "The functions of messages", {HTML: TEXT_SCHEMA}, _help, tag=OLD, errors=()),
    Operation(
        "/visualization/visualization.html", "A sample dataflow", {HTML: TEXT_SCHEMA}, _sample, tag=OLD, errors=()
    ),
    Operation("/style.css", "How pages look", {"text/css": TEXT_SCHEMA}, _style, tag="pages", errors=()),
)
"""The pages, a route each."""
