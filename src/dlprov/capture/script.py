"""Runs an unmodified script with capture on: ``dlprov run SCRIPT [ARGS…]``."""

from __future__ import annotations

import builtins
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from dlprov.capture.imports import watch_keras
from dlprov.capture.keras.registry import enable_autocapture
from dlprov.capture.run import start_run
from dlprov.errors import UsageError


def run_script(
    path: str | os.PathLike[str],
    args: Sequence[str] = (),
    *,
    dataflow: str = "",
    store: str | os.PathLike[str] | None = None,
) -> None:
    """Run a Python script as ``python SCRIPT ARGS…`` would, inside a run of its own.

    Every Keras model that the script trains is captured, declared or not, in a run that is a child of the script's.

    Args:
        path: The script.
        args: Its arguments: ``sys.argv[1:]``.
        dataflow: The dataflow's tag; default: the script's name without suffix.
        store: The store directory; default: that of :func:`dlprov.start_run`.

    Raises:
        UsageError: there is no such file.
        BaseException: whatever the script raises, ``SystemExit`` and ``KeyboardInterrupt`` included; the run has
            ended by it, and its traceback does not show this function.
    """
    script = Path(path)
    try:
        source = script.read_bytes()
    except OSError as error:
        raise UsageError(f"expected a Python script, got {str(script)!r} ({error.strerror}); give its path") from None
    tag = dataflow or script.stem or "script"
    main = _main_module(script)
    kept = sys.argv, sys.path[:], sys.modules.get("__main__")
    sys.argv = [str(path), *args]
    # What Python puts there is the directory of the program, ours at this moment.
    sys.path[:1] = [str(script.resolve().parent)]
    # Before the run starts: its environment names the script and asks the script's repository.
    sys.modules["__main__"] = main
    watch_keras()
    enable_autocapture(tag)
    try:
        with start_run(tag, kind="script", store=store) as run:
            run.artifact(script, kind="script", direction="used")
            run.param(arguments=list(args))
            try:
                exec(compile(source, str(script.absolute()), "exec", dont_inherit=True), vars(main))  # noqa: S102
            except BaseException as error:
                # The frame of this function says nothing to the author of the script.
                error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ is not None else None
                raise
    finally:
        enable_autocapture(None)
        _ran.append(main)
        sys.argv, sys.path[:] = kept[0], kept[1]
        if kept[2] is not None:
            sys.modules["__main__"] = kept[2]


_ran: list[ModuleType] = []
"""The scripts' modules, kept for what still refers to their names: threads, exit handlers, finalizers."""


def _main_module(script: Path) -> ModuleType:
    """An empty ``__main__`` like the one that Python makes for a script; spawned children import it by its file."""
    main = ModuleType("__main__")
    main.__file__ = str(script.absolute())
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", str(script.absolute()))
    main.__dict__["__builtins__"] = builtins
    main.__dict__["__cached__"] = None
    return main
