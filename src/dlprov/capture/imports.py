"""Notices when Keras is imported, so that its models can be given their capture. Imports nothing heavy itself.

If Keras is there already, the adapter is installed at once. Otherwise a finder at the front of ``sys.meta_path`` lets
the other finders find Keras as ever, and has the adapter installed when Keras's own code has run. The finder stays:
a process that throws Keras out of ``sys.modules`` and imports it anew gets it captured again.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAME = "keras"


def watch_keras() -> None:
    """Give Keras its capture as soon as it is imported, or now. Any number of calls is as good as one."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    module = sys.modules.get(NAME)
    if module is None:
        return
    if getattr(getattr(module, "__spec__", None), "_initializing", False):
        # Another thread is importing it at this moment: its import ends when ours returns.
        threading.Thread(target=_install_when_imported, name="dlprov-keras", daemon=True).start()
    else:
        _install(module)


class _Finder:
    """Finds nothing by itself: asks the other finders, and marks what they found."""

    def __init__(self) -> None:
        self._asking = threading.local()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders say of Keras; ``None`` for every other module."""
        if name != NAME or getattr(self._asking, "now", False):
            return None
        self._asking.now = True
        try:
            for finder in list(sys.meta_path):
                find_spec = getattr(finder, "find_spec", None)
                spec: ModuleSpec | None = find_spec(name, path, target) if find_spec and finder is not self else None
                if spec is not None:
                    _mark(spec)
                    return spec
            return None
        finally:
            self._asking.now = False


def _mark(spec: ModuleSpec) -> None:
    """Have the adapter installed after the module's code has run. Who only asks for the spec causes nothing."""
    loader: Any = spec.loader
    run_code = getattr(loader, "exec_module", None)
    if run_code is None:
        return

    def exec_module(module: ModuleType) -> None:
        # The loader is itself again before anybody can look at it.
        del loader.exec_module
        run_code(module)
        _install(module)

    try:
        # On the instance: its class, and all that others ask of it, stay what they are.
        loader.exec_module = exec_module
    except AttributeError:
        return  # a loader with slots: `dlprov.provenance(model)` installs the adapter then


def _install(module: Any) -> None:
    try:
        importlib.import_module("dlprov.capture.keras.adapter").install(module)
    except Exception as error:
        # Late: reporting needs the traceback module, which costs milliseconds that `import dlprov` has not to spare.
        from dlprov.capture.faults import faults  # noqa: PLC0415

        faults.report("installing the Keras adapter", error, None)


def _install_when_imported() -> None:
    try:
        module = importlib.import_module(NAME)
    except Exception:
        return  # the import failed where the user asked for it, and was reported there
    _install(module)
