"""The API for programs of today: SQL, and the named questions about runs, as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import IO, Any, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dlprov.model import RunStatus
from dlprov.query import Result, Session, parameters, portrait, questions
from dlprov.service.asking import Desk
from dlprov.service.errors import RefusedError
from dlprov.service.operations import COUNT_SCHEMA, JSON, TEXT_SCHEMA, Endpoint, Operation, Parameter

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"

CUT = "Dlprov-Truncated"
"""Header of an answer that is not JSON: whether rows are missing."""

_PIECE = 1 << 18


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /api/query``."""

    sql: str
    params: list[Any] | dict[str, Any] | None = None
    schema: str = "public"
    limit: int | None = None


QUESTION = {
    "type": "object",
    "required": ["sql"],
    "additionalProperties": False,
    "properties": {
        "sql": {"type": "string", "description": "One or more statements; the answer is the last one's."},
        "params": {
            "description": "Values for ? (an array) or $name (an object) in a single statement.",
            "anyOf": [{"type": "array"}, {"type": "object"}, {"type": "null"}],
        },
        "schema": {
            "type": "string",
            "default": "public",
            "description": "The tag of the dataflow whose sets are known without their schema.",
        },
        "limit": {
            "description": "The most rows of the answer.",
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}],
        },
    },
}

TABLE = {
    "type": "object",
    "required": ["columns", "rows", "truncated", "elapsed"],
    "properties": {
        "columns": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "type"],
                "properties": {"name": {"type": "string"}, "type": {"type": "string", "description": "SQL type"}},
            },
        },
        "rows": {"type": "array", "items": {"type": "array"}},
        "truncated": {"type": "boolean", "description": "Whether there are more rows than these."},
        "elapsed": {"type": "number", "description": "Seconds that the answer took."},
    },
}

ROWS = {
    "type": "object",
    "required": ["rows", "truncated"],
    "properties": {
        "rows": {"type": "array", "items": {"type": "object"}, "description": "One object a row, by column."},
        "truncated": {"type": "boolean", "description": "Whether there are more rows than these."},
    },
}


async def _query(desk: Desk, request: Request, _values: dict[str, Any]) -> Response:
    try:
        question = msgspec.json.decode(await request.body(), type=Question)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RefusedError(
            400, f'a JSON object {{"sql": "a question"}} was expected, got another body: {error}'
        ) from None
    limit = _limit(desk, request, question.limit)
    form = _form(request.headers.get("accept", ""))
    began = time.monotonic()

    def ask(session: Session) -> Response:
        if question.schema != "public":
            session.use(question.schema)
        result = session.ask(question.sql, parameters.decode(question.params))
        is_cut = limit is not None and result.cut(limit)
        if form != JSON:
            file = _written(desk, result, form)
            return StreamingResponse(_pieces(file), headers={CUT: str(is_cut).lower(), "Content-Type": _TYPES[form]})
        texts, is_short = _encoded(result.plain_rows(), desk.limits.most_bytes)
        columns = [{"name": name, "type": kind} for name, kind in zip(result.columns, result.types, strict=True)]
        head = b'{"columns":' + msgspec.json.encode(columns) + b',"rows":['
        tail = {"truncated": is_cut or is_short, "elapsed": round(time.monotonic() - began, 6)}
        return Response(head + _joined(texts, tail), media_type=JSON)

    return await desk.ask(request, ask, limit + 1 if limit is not None else None)


def _limit(desk: Desk, request: Request, wanted: int | None) -> int | None:
    """How many rows to answer with; ``None`` for all, which only the owner gets."""
    if wanted is not None and wanted < 1:
        raise RefusedError(400, f"a limit of at least 1 was expected, got {wanted}")
    if desk.is_owner(request):
        return wanted
    return min(wanted or desk.limits.rows, desk.limits.most_rows)


def _form(accept: str) -> str:
    """The media type to answer with.

    Raises:
        RefusedError: The client accepts none of those that there are.
    """
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",") if part.strip()]
    for kind in wanted:
        if kind in _TYPES:
            return kind
        if kind in {"*/*", "application/*"}:
            return JSON
        if kind == "text/*":
            return CSV
    if not wanted:
        return JSON
    raise RefusedError(406, f"one of {', '.join(_TYPES)} was expected in Accept, got {accept!r}")


_TYPES = {JSON: JSON, CSV: f"{CSV}; charset=utf-8", PARQUET: PARQUET}


def _written(desk: Desk, result: Result, form: str) -> IO[bytes]:
    with desk.service.index.scratch_file() as path:
        result.write(str(path), "csv" if form == CSV else "parquet")
        # Open, it outlives its name.
        return path.open("rb")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _encoded(rows: Iterator[Any], most: int) -> tuple[list[bytes], bool]:
    """Rows as JSON texts, up to about ``most`` bytes; and whether some are missing."""
    texts: list[bytes] = []
    for row in rows:
        most -= len(texts[-1]) if texts else 0
        if most < 0:
            return texts, True
        texts.append(msgspec.json.encode(row))
    return texts, False


def _joined(texts: list[bytes], tail: dict[str, Any]) -> bytes:
    """The rest of an object behind the bracket of its rows."""
    return b",".join(texts) + b"]," + msgspec.json.encode(tail)[1:]


def _named(question: Callable[..., Result]) -> Endpoint:
    """The endpoint of a named question, which takes a session and the parameters by their names."""

    async def endpoint(desk: Desk, request: Request, values: dict[str, Any]) -> Response:
        limit = _limit(desk, request, values.pop("limit", None))

        def ask(session: Session) -> Response:
            result = question(session, **values)
            is_cut = limit is not None and result.cut(limit)
            texts, is_short = _encoded(result.plain(), desk.limits.most_bytes)
            return Response(b'{"rows":[' + _joined(texts, {"truncated": is_cut or is_short}), media_type=JSON)

        return await desk.ask(request, ask, None if desk.is_owner(request) else desk.limits.most_rows + 1)

    return endpoint


async def _runs(desk: Desk, request: Request, values: dict[str, Any]) -> Response:
    limit = _limit(desk, request, values["limit"])

    def latest(session: Session, dataflow: str | None, status: str | None) -> Result:
        # Settings and metrics are put together for those alone that are answered.
        return questions.runs(session, dataflow, status=status, limit=limit + 1 if limit is not None else None)

    return await _named(latest)(desk, request, values)


async def _run(desk: Desk, request: Request, values: dict[str, Any]) -> Response:
    def ask(session: Session) -> Response:
        found = portrait.everything(session, questions.find_run(session, values["run"]))
        return Response(msgspec.json.encode(found), media_type=JSON)

    return await desk.ask(request, ask, None if desk.is_owner(request) else desk.limits.most_rows)


_LIMIT = Parameter("limit", "the most rows", COUNT_SCHEMA)
_RUN_MEANING = "a run: its id, the beginning or end of it, its execution tag, its name, or last"
_RUN = Parameter("run", _RUN_MEANING, TEXT_SCHEMA)
_DATAFLOW = Parameter("dataflow", "only runs of the dataflow with this tag", TEXT_SCHEMA)
_STATUS = Parameter(
    "status",
    "only runs with this status",
    {"type": "string", "enum": list(get_args(RunStatus))},
)

OPERATIONS = (
    Operation(
        "/api/query",
        "Ask in SQL",
        {JSON: TABLE, CSV: TEXT_SCHEMA, PARQUET: {"type": "string", "format": "binary"}},
        _query,
        methods=("POST",),
        body={JSON: QUESTION},
        errors=(400, 404, 406, 503),
        details=(
            "Reads tables, changes nothing, and has no access to files, network and settings. NaN and the infinities "
            "are the texts NaN, Infinity and -Infinity. An answer that is not JSON says in the header "
            f"{CUT} whether rows are missing."
        ),
    ),
    Operation(
        "/api/runs",
        "Runs, the latest first, with their settings and the last value of each metric",
        {JSON: ROWS},
        _runs,
        parameters=(_DATAFLOW, _STATUS, _LIMIT),
    ),
    Operation(
        "/api/runs/{run}",
        "One run in full",
        {JSON: {"type": "object", "required": ["run_id", "status", "params", "tasks", "epochs", "environment"]}},
        _run,
        parameters=(Parameter("run", _RUN_MEANING, TEXT_SCHEMA, required=True, place="path"),),
    ),
    Operation(
        "/api/best",
        "The best runs by a metric, with their settings",
        {JSON: ROWS},
        _named(questions.best_runs),
        parameters=(
            Parameter("metric", "the metric", TEXT_SCHEMA, required=True),
            _DATAFLOW,
            Parameter("n", "how many runs", COUNT_SCHEMA, default=10),
            Parameter(
                "mode",
                "whether the largest value is the best",
                {"type": "string", "enum": ["max", "min"]},
                default="max",
            ),
            Parameter(
                "by", "which value of each run counts", {"type": "string", "enum": ["last", "best"]}, default="last"
            ),
        ),
    ),
    Operation(
        "/api/compare",
        "What differs between two runs",
        {JSON: ROWS},
        _named(questions.compare),
        parameters=(
            Parameter("first", _RUN_MEANING, TEXT_SCHEMA, required=True),
            Parameter("second", _RUN_MEANING, TEXT_SCHEMA, required=True),
            _LIMIT,
        ),
    ),
    Operation(
        "/api/epochs",
        "The metrics of each epoch of a run",
        {JSON: ROWS},
        _named(questions.epochs),
        parameters=(Parameter("run", _RUN_MEANING, TEXT_SCHEMA, default="last"), _LIMIT),
    ),
    Operation(
        "/api/adaptations",
        "The changes of hyperparameters during the training of a run, or of all runs",
        {JSON: ROWS},
        _named(questions.adaptations),
        parameters=(_RUN, _LIMIT),
    ),
)
"""The API, a route each."""
