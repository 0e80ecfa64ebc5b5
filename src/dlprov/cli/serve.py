"""``dlprov serve``: the service over HTTP."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import click

from dlprov.cli.help import Command
from dlprov.cli.options import configuration, store_option
from dlprov.errors import UsageError

SHORTEST_TOKEN = 16
"""How many characters a token has at least."""

MAPI_PORT = 50000
"""MonetDB's port, which DfAnalyzer's users know."""

_SIZE = re.compile(r"(\d+)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@click.command("serve", cls=Command, short_help="serve a store over HTTP: DfAnalyzer's routes, questions, pages")
@click.option("--host", default="localhost", metavar="ADDRESS", help="Where to listen. Default: this machine alone.")
@click.option("--port", default=22000, type=click.IntRange(0, 65535), help="Default: 22000; 0: any that is free.")
@click.option(
    "--mapi-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="For MonetDB's clients. Default: 50000, if --port is 22000 and it is free.",
)
@click.option("--no-mapi", is_flag=True, help="No port for MonetDB's clients.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A file with the token that clients must show. Default: DLPROV_TOKEN, else none.",
)
@click.option(
    "--allow-host", "allowed", multiple=True, metavar="NAME", help="A further name of the service; may be repeated."
)
@click.option(
    "--raw-data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    multiple=True,
    metavar="DIRECTORY",
    help="Where files may be that elements name for their rows; may be repeated. Default: nowhere.",
)
@click.option("--max-body", default="64MB", metavar="SIZE", help="The largest message that is taken. Default: 64MB.")
@click.option(
    "--query-time",
    default=30.0,
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="How long a client's question may take. Default: 30. Yours on this machine may take their time.",
)
@click.option(
    "--query-memory",
    metavar="SIZE",
    help="What all questions together may hold in memory. Default: a quarter of the machine's, at most 8GB.",
)
@store_option
def command(
    host: str,
    port: int,
    mapi_port: int | None,
    no_mapi: bool,
    token_file: Path | None,
    allowed: tuple[str, ...],
    raw_data: tuple[Path, ...],
    max_body: str,
    query_time: float,
    query_memory: str | None,
    store: Path | None,
) -> None:
    """Serve a store over HTTP, until Ctrl-C.

    DfAnalyzer's clients send their messages here (DFA_URL), and what has been answered is in the run logs. Every
    question of dlprov can be asked meanwhile, from the command line, in Python, and over HTTP; and SQL by MonetDB's own
    clients, such as pymonetdb and mclient, as in DfAnalyzer's database.

        dlprov serve
        dlprov serve --host 0.0.0.0 --token-file ~/.dlprov-token
    """
    # Late: no other command needs a web server.
    from dlprov.service.asking import Limits  # noqa: PLC0415
    from dlprov.service.server import PORT, Plan, serve  # noqa: PLC0415

    if no_mapi and mapi_port is not None:
        raise click.UsageError("--mapi-port names a port and --no-mapi wants none: leave one of them out")
    is_default = mapi_port is None and port == PORT and not no_mapi
    found = configuration(store)
    plan = Plan(
        host=host,
        port=port,
        token=_token(token_file, found.token),
        allowed_hosts=allowed,
        max_body=_bytes(max_body, "--max-body"),
        raw_data=raw_data,
        questions=Limits(seconds=query_time),
        memory=_bytes(query_memory, "--query-memory") if query_memory is not None else None,
        mapi_port=MAPI_PORT if is_default else mapi_port,
        needs_mapi=not is_default,
    )
    serve(found.store, found.cache, plan, _tell, lost_after=found.lost_after)


def _token(file: Path | None, default: str) -> str:
    token, source = default, "DLPROV_TOKEN"
    if file is not None:
        source = str(file)
        try:
            token = file.read_text(encoding="ascii").strip()
            readable = stat.S_IMODE(file.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not ASCII"
            raise UsageError(f"a file with a token was expected as --token-file, got {file} ({reason})") from None
        if readable:
            _tell(f"others can read the token in {file}: chmod 600 {file}")
    if (token or file is not None) and (len(token) < SHORTEST_TOKEN or not token.isprintable() or " " in token):
        raise UsageError(
            f"a token of at least {SHORTEST_TOKEN} characters without blanks was expected in {source}, got one of "
            f'{len(token)}: python -c "import secrets; print(secrets.token_urlsafe())" makes one'
        )
    return token


def _bytes(size: str, option: str) -> int:
    match = _SIZE.fullmatch(size.strip())
    found = int(match[1]) * _UNITS[match[2].lower()] if match else 0
    if not found:
        raise click.BadParameter(f"a size such as 64MB was expected, got {size!r}", param_hint=option)
    return found


def _tell(message: str) -> None:
    click.echo(f"dlprov: {message}", err=True)
