"""W3C PROV documents of executions, which one generation of DLProv's client wrote when the last task ended."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

from dlprov.capture.dfanalyzer.local import local_recorder, run_in
from dlprov.capture.faults import faults

config = SimpleNamespace(w3c=None, transformations_number=0)
"""What that generation kept here: the mode of the documents, and how many transformations the dataflow has."""

SUFFIXES = ("provn", "png")
SECONDS = 120.0


def build_provenance_document(df_tag: str, exec_tag: str, mode: str = "current") -> None:
    """Write what is recorded by now into the working directory: ``w3c-graph-<tag>.provn``, and its picture ``….png``.

    ``dlprov export`` writes them, in a process of its own: it needs a database, which a training process does not load.
    The call waits for it. Nothing is raised; trouble is told on stderr.

    Args:
        df_tag: The dataflow.
        exec_tag: The execution.
        mode: ``current``: this execution, whose tag is in the name. ``all``: all of the dataflow, whose tag is.
    """
    try:
        recorder = local_recorder()
        if recorder is None:
            return
        run = run_in(recorder, df_tag, exec_tag)
        store = run.store if run is not None and run.store is not None else recorder.store
        # Behind "--" a tag may begin as an option does.
        chosen = [f"--dataflow={df_tag}"] if mode == "all" else ["--", run.id if run is not None else exec_tag]
        # A tag is any text, and a file is not to land in another directory.
        stem = f"w3c-graph-{df_tag if mode == 'all' else exec_tag}".replace("/", "-")
        for suffix in SUFFIXES:
            _export(f"{stem}.{suffix}", chosen, str(store))
    except Exception as error:  # noqa: BLE001 - no fault of ours reaches the training
        faults.report("the W3C document", error, None)


def _export(path: str, chosen: list[str], store: str) -> None:
    command = [sys.executable, "-m", "dlprov", "export", "--store", store, "-o", path, *chosen]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603 - no shell
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        faults.tell(f"{path} was not written: {reason}", once=path.rpartition(".")[2])
