"""The words of dlprov as types: the plan of a dataflow, and the states of what is executed.

A *dataflow* is a plan (prospective provenance): *transformations* that use and generate *sets* with typed
*attributes*. A *run* is one execution of it (retrospective provenance), a *task* one execution of a
transformation, an *element* one row of a set. The words are DfAnalyzer's; ``docs/glossary.md`` has them all.
"""

from __future__ import annotations

from typing import Literal

import msgspec

AttributeType = Literal["TEXT", "NUMERIC", "FILE", "LONG_TEXT"]
"""DfAnalyzer's attribute types. ``NUMERIC`` is a double, ``FILE`` a path, the others are text of any length."""

SetType = Literal["INPUT", "OUTPUT"]
"""Whether a transformation uses (``INPUT``) or generates (``OUTPUT``) a set."""

RunStatus = Literal["running", "finished", "failed", "interrupted", "lost"]
"""State of a run. ``lost``: its process is gone, or was silent for a minute, without an end in the log."""

EndStatus = Literal["finished", "failed", "interrupted"]
"""How a run or a task ended, as its own process saw it."""


class Attribute(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column of a set. ``name`` keeps its case here; the index folds it to lower case.

    An attribute with an ``extractor`` (its tag) is a column of the raw data files that the set's elements name.
    """

    name: str
    type: AttributeType = "TEXT"
    extractor: str = ""


class Extractor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Brings columns of raw data files beside a set's own.

    ``cartridge`` is ``EXTRACTION`` or ``INDEXING``, ``extension`` the kind of file: ``CSV``, ``PROGRAM``, ….
    """

    tag: str
    cartridge: str = "EXTRACTION"
    extension: str = "CSV"


class Combination(msgspec.Struct, frozen=True, omit_defaults=True):
    """Two extractors of a set whose rows belong together where ``keys`` are equal."""

    outer: str
    inner: str
    keys: tuple[str, ...] = ()
    key_types: tuple[str, ...] = ()


class Program(msgspec.Struct, frozen=True, omit_defaults=True):
    """A program that carries out a transformation."""

    name: str
    path: str = ""


class Set(msgspec.Struct, frozen=True, omit_defaults=True):
    """A set as one transformation declares it.

    ``dependency`` is the tag of the transformation that generates an ``INPUT`` set; empty for a set that
    comes from outside the dataflow.
    """

    tag: str
    type: SetType
    attributes: tuple[Attribute, ...] = ()
    dependency: str = ""
    extractors: tuple[Extractor, ...] = ()
    combinations: tuple[Combination, ...] = ()


class Transformation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step of a dataflow, with its sets in the order of declaration."""

    tag: str
    sets: tuple[Set, ...] = ()
    programs: tuple[Program, ...] = ()


class Dataflow(msgspec.Struct, frozen=True, omit_defaults=True):
    """The plan that runs execute: a tag and its transformations in order."""

    tag: str
    transformations: tuple[Transformation, ...] = ()
