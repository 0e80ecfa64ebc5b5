"""``dlprov validate``: is a provenance document valid?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dlprov.cli import cells
from dlprov.cli import output as _output
from dlprov.cli.help import Command
from dlprov.cli.options import open_session, store_option
from dlprov.errors import NotFoundError
from dlprov.graph.constraints import NAMES, Violation
from dlprov.graph.reading import READABLE
from dlprov.graph.validation import Verdict, is_there, verdict_of_file, verdict_of_run


@click.command("validate", cls=Command, short_help="is a PROV document valid?")
@click.argument("subject", metavar="FILE|RUN")
@click.option("--format", type=click.Choice(READABLE), help="The format of FILE. Default: what it looks like.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@store_option
def command(subject: str, format: str | None, as_json: bool, store: Path | None) -> None:
    """Check a W3C PROV document against PROV-CONSTRAINTS: can things have happened as it says?

    FILE is a document of any origin; RUN, if there is no such file, is a run of the store: an id, its beginning or end,
    an execution tag, a name, or last. Each violation is told with the number and the name of the constraint and the
    statements involved. The exit status is 1 if there are any.

        dlprov validate mnist-example.json
        dlprov validate last

    What DLProv and yProv4ML are known to write instead of PROV is repaired first, and told on stderr.
    """
    path = Path(subject)
    if is_there(path) or format is not None:
        verdict = verdict_of_file(path, format)
    else:
        try:
            verdict = verdict_of_run(open_session(store), subject)
        except NotFoundError as error:
            raise NotFoundError(f"there is no file {subject!r} here, and {error}") from None
    for warning in verdict.warnings:
        click.echo(f"{verdict.source}: warning: {cells.printable(warning)}", err=True)
    if as_json:
        _output.write_json(_plain(verdict), None)
    else:
        _output.write_lines(_lines(verdict))
    if verdict.violations:
        raise click.exceptions.Exit(1)


def _lines(verdict: Verdict) -> list[str]:
    lines = []
    for violation in verdict.violations:
        place = f" (in the bundle {violation.bundle})" if violation.bundle else ""
        lines.append(f"{violation.number} {violation.name}: {violation.message}{place}")
        lines += [f"    {statement}" for statement in violation.statements]
    counted = cells.counted(verdict.statements, "statement")
    count = len(verdict.violations)
    said = cells.counted(count, "violation") if count else "valid"
    return [cells.printable(line) for line in lines] + [f"{verdict.source}: {counted}, {said}"]


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "source": verdict.source,
        "format": verdict.format,
        "statements": verdict.statements,
        "warnings": list(verdict.warnings),
        "violations": [_violation(violation) for violation in verdict.violations],
    }


def _violation(violation: Violation) -> dict[str, Any]:
    return {
        "constraint": violation.number,
        "name": violation.name,
        "constraints": [{"number": number, "name": NAMES[number]} for number in violation.constraints],
        "message": violation.message,
        "statements": list(violation.statements),
        "bundle": violation.bundle,
    }
