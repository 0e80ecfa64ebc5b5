"""The programs ``RDE`` and ``RDI``: DfAnalyzer's raw data extractor and indexer.

Exit status: 0; 1 for a failure; 2 for a command line that cannot be understood. A mistake is a message on stderr.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

from dlprov.errors import DlprovError, UsageError
from dlprov.extraction.request import Request, parse

_POSTGRES_RAW = (
    "a cartridge that needs no server was expected, got POSTGRES_RAW: ask the file itself, as in "
    "dlprov query \"SELECT * FROM read_csv('FILE')\", or index it with RDI CSV:INDEX"
)

_RDE = {"PROGRAM": ("EXTRACT", "ACCESS"), "CSV": ("EXTRACT", "ACCESS")}
_RDI = dict.fromkeys(("CSV", "FITS", "FASTBIT", "OPTIMIZED_FASTBIT", "POSTGRES_RAW"), ("INDEX", "ACCESS"))

_MODULES = {
    ("RDE", "CSV"): "columns",
    ("RDE", "PROGRAM"): "programs",
    ("RDI", "CSV"): "positions",
    ("RDI", "FITS"): "fits",
    ("RDI", "FASTBIT"): "bitmaps",
    ("RDI", "OPTIMIZED_FASTBIT"): "bitmaps",
}

_USAGE = {
    "RDE": """\
usage: RDE <PROGRAM|CSV>:<EXTRACT|ACCESS> NAME DIRECTORY FILE|PROGRAM [NAME:TYPE,...]
           [-delimiter=";"] [-timeout=SECONDS] [-verbose]

CSV:EXTRACT      copy columns of CSV files (a file or a pattern in DIRECTORY) to DIRECTORY/NAME.data
PROGRAM:EXTRACT  run a program in DIRECTORY, which writes NAME.data
ACCESS           show NAME.data, with -verbose

TYPE is numeric, text or file. Without -delimiter, the one that fits the file is found.
""",
    "RDI": """\
usage: RDI <CSV|FITS|FASTBIT|OPTIMIZED_FASTBIT>:<INDEX|ACCESS> NAME DIRECTORY FILE [NAME:TYPE[:key][:DIGITS],...]
           [-delimiter=";"] [-option=[NAME:VALUE,...]] [-performance=FILE] [-verbose]

CSV:INDEX                note the first byte of each value in DIRECTORY/NAME.index, and the value itself of a key
CSV:ACCESS               read the values at [NAME:BYTE,...] into DIRECTORY/NAME.access
FITS:INDEX               the same for columns of tables in FITS files, and the values of header cards
FASTBIT:INDEX            write a sorted index of each column, and name it in NAME.index for each row
OPTIMIZED_FASTBIT:INDEX  the same, with one line a file in NAME.index
...FASTBIT:ACCESS        rows whose columns are [NAME:VALUE,...] or [NAME:LOW..HIGH,...] into NAME.access

FILE is a file or a pattern of files in DIRECTORY; TYPE is numeric, text or file.
""",
}


def extract(arguments: Sequence[str]) -> int:
    """Run ``RDE`` with a command line (without the program's name); gives its exit status."""
    return _run("RDE", _RDE, ("delimiter", "bin", "timeout", "verbose"), arguments)


def index(arguments: Sequence[str]) -> int:
    """Run ``RDI`` with a command line (without the program's name); gives its exit status."""
    return _run("RDI", _RDI, ("delimiter", "bin", "pgData", "option", "performance", "verbose"), arguments)


def rde() -> NoReturn:
    """The program ``RDE``."""
    sys.exit(extract(sys.argv[1:]))


def rdi() -> NoReturn:
    """The program ``RDI``."""
    sys.exit(index(sys.argv[1:]))


def _run(
    program: str, cartridges: Mapping[str, Sequence[str]], options: Sequence[str], arguments: Sequence[str]
) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "-help"):
        (sys.stdout if arguments else sys.stderr).write(_USAGE[program])
        return 0 if arguments else 2
    try:
        request = parse(program, cartridges, options, arguments)
    except UsageError as error:
        sys.stderr.write(f"{program}: {error}\n{_USAGE[program].partition(chr(10) * 2)[0]}\n")
        return 2
    began = time.monotonic()
    try:
        for remark in _carry_out(request):
            sys.stderr.write(f"{program}: {remark}\n")
        seconds = time.monotonic() - began
        sys.stdout.write(f"{request.cartridge}:{request.action} --> {seconds:.2f} seconds\n")
        if "performance" in request.options:
            _note_time(request, seconds)
    except DlprovError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{program}: {error.filename or 'a file'} cannot be used: {error.strerror or error}\n")
        return 1
    return 0


def _carry_out(request: Request) -> list[str]:
    if request.cartridge == "POSTGRES_RAW":
        raise UsageError(_POSTGRES_RAW)
    # By name: some need a database or astropy, and whoever needs none of them loads none.
    module = importlib.import_module(f"dlprov.extraction.{_MODULES[request.program, request.cartridge]}")
    found: list[str] = getattr(module, request.action.lower())(request)
    return found


def _note_time(request: Request, seconds: float) -> None:
    with open(request.options["performance"], "a", encoding="utf-8") as file:  # noqa: PTH123 - any text is a name
        file.write(f"Indexing:RDI:{request.action.capitalize()}\n      elapsed-time: {seconds:f} seconds.\n")
