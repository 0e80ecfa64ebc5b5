"""The part of a dataflow that a message asks about: the sets that are read, and how they are joined."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from dlprov.errors import QueryError
from dlprov.query.interface.catalog import Catalog, listed
from dlprov.query.interface.message import Join, Message
from dlprov.query.interface.paths import Search
from dlprov.store.names import fold
from dlprov.store.sets import task_column

Link = tuple[str, str]


class Equality(NamedTuple):
    """A column of a set that equals a column of the next one on a path."""

    set: str
    column: str
    next_set: str
    next_column: str


@dataclass(frozen=True)
class Fragment:
    """What a message reads.

    Attributes:
        sets: Tags of the sets, in the order of FROM.
        joins: Conditions between them; of the equalities of one condition, one must hold.
        is_single: Whether this is the question about one set that is asked where no path leads to a target.
        warnings: Sentences about what the message may not have meant.
    """

    sets: tuple[str, ...]
    joins: tuple[tuple[Equality, ...], ...] = ()
    is_single: bool = False
    warnings: tuple[str, ...] = ()


def find(catalog: Catalog, message: Message) -> Fragment:
    """The sets on all paths from the sources to the targets, or, without a path, the sources and targets themselves.

    Raises:
        QueryError: The message names no set, or one that the dataflow lacks, or there are too many paths.
    """
    sources, targets = _sets(catalog, message, "source"), _sets(catalog, message, "target")
    if not sources and not targets:
        raise QueryError("a message with source(set; …) was expected, got one that names no set to read")
    search = Search(catalog.successors, _sets(catalog, message, "include"), _sets(catalog, message, "exclude"))
    sets: dict[str, None] = {}
    links: dict[Link, None] = {}
    apart: list[Link] = []
    for source in sources:
        for target in targets:
            found = False
            for path in search.paths(source, target):
                found = True
                sets.update(dict.fromkeys(path))
                links.update(dict.fromkeys(pairwise(path)))
            if not found and len(sources) == 1:
                return _single(source, target, targets, message)
            if not found:
                apart.append((source, target))
    if not sets:
        every = tuple(dict.fromkeys((*sources, *targets)))
        return Fragment(every, warnings=_product(every, "no path leads from a source to a target") if every[1:] else ())
    warnings = [
        f"{_no_path(source, target, message)}: {listed(left_out)} is left out"
        for source, target in apart
        if (left_out := [tag for tag in dict.fromkeys((source, target)) if tag not in sets])
    ]
    if message.mapping is None:
        warnings += _product(tuple(sets), "there is no mapping")
        return Fragment(tuple(sets), warnings=tuple(warnings))
    joins: list[tuple[Equality, ...]] = []
    for link in links:
        conditions = _conditions(catalog, message.mapping, link)
        joins += conditions
        if not conditions:
            warnings.append(f"{link[0]} and {link[1]} have no attribute of the same name and type: they are not joined")
    return Fragment(tuple(sets), tuple(joins), warnings=tuple(warnings))


def _sets(catalog: Catalog, message: Message, function: str) -> tuple[str, ...]:
    named: tuple[str, ...] = getattr(message, function)
    for tag in named:
        if fold(tag) not in catalog.sets:
            raise QueryError(
                f"{message.place(function)}{function}(…) names {tag!r}, which is no set of the dataflow "
                f"{catalog.dataflow!r}; there are: {listed(catalog.sets)}"
            )
    return tuple(dict.fromkeys(map(fold, named)))


def _single(source: str, target: str, targets: tuple[str, ...], message: Message) -> Fragment:
    warnings = []
    if source != target:
        warnings.append(f"{_no_path(source, target, message)}: only {source} is asked")
    elif len(targets) > 1:
        warnings.append(f"{source} is both source and target: only {source} is asked, and no other target")
    return Fragment((source,), is_single=True, warnings=tuple(warnings))


def _no_path(source: str, target: str, message: Message) -> str:
    over = f" over {listed(map(fold, message.include))}" if message.include else ""
    around = f" around {listed(map(fold, message.exclude))}" if message.exclude else ""
    return f"no path leads from {source} to {target}{over}{around}"


def _product(sets: tuple[str, ...], reason: str) -> tuple[str, ...]:
    return (f"{reason}: every row of each set is combined with every row of the others ({listed(sets)})",)


def _conditions(catalog: Catalog, mapping: Join, link: Link) -> list[tuple[Equality, ...]]:
    first, second = link
    conditions: list[tuple[Equality, ...]] = []
    if mapping in ("physical", "hybrid"):
        columns = map(task_column, catalog.links[link])
        conditions.append(tuple(Equality(first, column, second, column) for column in columns))
    if mapping in ("logical", "hybrid"):
        others = catalog.sets[second].attributes
        conditions += [
            (Equality(first, name, second, name),)
            for name, kind in catalog.sets[first].attributes.items()
            # Without a type there is no value yet, and nothing to be equal.
            if kind is not None and others.get(name) == kind
        ]
    return conditions
