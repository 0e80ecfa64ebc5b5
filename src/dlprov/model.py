"""The words of dlprov as types: the plan of a dataflow, and the states of what is executed.

A *dataflow* is a plan (prospective provenance): *transformations* that use and generate *sets* with typed
*attributes*. A *run* is one execution of it (retrospective provenance), a *task* one execution of a
transformation, an *element* one row of a set. The words are DfAnalyzer's; ``docs/glossary.md`` has them all.
"""

from __future__ import annotations

from typing import Literal

import msgspec

AttributeType = Literal["TEXT", "NUMERIC", "FILE"]
"""DfAnalyzer's attribute types. ``NUMERIC`` is a double, ``FILE`` a path; both others are text."""

SetType = Literal["INPUT", "OUTPUT"]
"""Whether a transformation uses (``INPUT``) or generates (``OUTPUT``) a set."""

RunStatus = Literal["running", "finished", "failed", "interrupted", "lost"]
"""State of a run. ``lost``: its process is gone, or was silent for a minute, without an end in the log."""

EndStatus = Literal["finished", "failed", "interrupted"]
"""How a run or a task ended, as its own process saw it."""


class Attribute(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column of a set. ``name`` keeps its case here; the index folds it to lower case."""

    name: str
    type: AttributeType = "TEXT"


class Set(msgspec.Struct, frozen=True, omit_defaults=True):
    """A set as one transformation declares it.

    ``dependency`` is the tag of the transformation that generates an ``INPUT`` set; empty for a set that
    comes from outside the dataflow.
    """

    tag: str
    type: SetType
    attributes: tuple[Attribute, ...] = ()
    dependency: str = ""


class Transformation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step of a dataflow, with its sets in the order of declaration."""

    tag: str
    sets: tuple[Set, ...] = ()


class Dataflow(msgspec.Struct, frozen=True, omit_defaults=True):
    """The plan that runs execute: a tag and its transformations in order."""

    tag: str
    transformations: tuple[Transformation, ...] = ()
