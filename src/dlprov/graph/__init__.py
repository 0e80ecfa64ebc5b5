"""Another view of the store: W3C PROV documents, their validity, pictures, lineage and graph questions.

The package itself can be called: ``dlprov.graph("MATCH …")`` is :func:`dlprov.graph.cypher.question.graph`, although it
is also its home.
"""

from __future__ import annotations

import sys
from types import ModuleType

# Light, and without typing: a process that only declares things imports parts of this package.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from dlprov.query import Result


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Result:
        # Late: only a question needs the engine.
        from dlprov.graph.cypher.question import graph  # noqa: PLC0415

        return graph(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
