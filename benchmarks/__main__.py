"""``python -m benchmarks [--quick] [ROW …]``: each row in a fresh process, a table, and the figures as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.measure import environment

ROWS = ("step", "client", "kill", "fit", "lag", "index", "best", "imports", "service", "prov", "lineage")
"""The rows in the order of the table; each is a module with a function ``measure``."""

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure the rows that are asked for; 1 if one of them does not reach what it must."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the table 'Speed' of dlprov.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of {', '.join(ROWS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="less of everything: figures to look at, not to quote")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = [row for row in options.rows if row not in ROWS]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if options.into:
        _measure(options.rows[0], options.into, quick=options.quick)
        return 0
    RESULTS.mkdir(exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    results = {row: _in_own_process(row, stamp, quick=options.quick) for row in options.rows or ROWS}
    path = RESULTS / f"{stamp}.json"
    path.write_text(json.dumps({"machine": _machine(), "quick": options.quick, "rows": results}, indent=2) + "\n")
    print(f"\nAll figures: {path}")
    return 0 if all(result["reached"] for result in results.values()) else 1


def _in_own_process(row: str, stamp: str, *, quick: bool) -> dict[str, Any]:
    """A row leaves nothing behind that the next one would pay for: no thread, no cache, no framework."""
    path = RESULTS / f"{stamp}.{row}.json"
    command = [sys.executable, "-m", "benchmarks", row, "--into", str(path), *(["--quick"] if quick else [])]
    begin = time.perf_counter()
    print(f"{row} …", end="\r", flush=True)
    done = subprocess.run(command, env=environment(DLPROV_QUIET=1), check=False)
    if done.returncode:
        result: dict[str, Any] = {"must": "", "measured": "could not be measured", "reached": False, "figures": {}}
    else:
        result = json.loads(path.read_text())
        path.unlink()
    result["seconds"] = round(time.perf_counter() - begin, 1)
    verdict = "reached" if result["reached"] else "MISSED"
    print(f"{row:8} {verdict:8} {result['measured']}\n{'':17} must: {result['must']}   [{result['seconds']} s]")
    return result


def _measure(row: str, path: Path, *, quick: bool) -> None:
    result = importlib.import_module(f"benchmarks.{row}").measure(quick=quick)
    path.write_text(json.dumps(dataclasses.asdict(result)))


def _machine() -> dict[str, Any]:
    """What the figures depend on; nothing that names the machine."""
    processor = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        processor = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    packages = ("dlprov", "msgspec", "duckdb", "keras", "jax", "uvicorn", "starlette")
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
