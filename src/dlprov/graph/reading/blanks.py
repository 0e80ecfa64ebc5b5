"""Blank nodes of RDF that a PROV document has to call by a name.

PROV has identifiers only. Its plain relations, attributes and arguments name what they are about, so a blank node there
gets an IRI. The nodes of qualified relations stay blank: these need no identifier.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from dlprov.graph.statements import PROV

if TYPE_CHECKING:
    from rdflib import BNode, Dataset
    from rdflib.term import Node

BLANK = "https://w3id.org/dlprov/blank/"
"""The namespace of the names. They are not those of any other document: blank nodes are their document's own."""


def name_blanks(graph: Dataset) -> int:
    """Give an IRI to each blank node that a PROV document has to name; the graph is changed.

    The IRI depends on what the document says, not on how: a document has the same ones each time, in any order and
    language. Only nodes that look the same to all their neighbours, and yet are no mirror images, may change places.

    Returns:
        How many nodes got one.
    """
    from rdflib import URIRef  # noqa: PLC0415 - see dlprov.graph.reading.rdf

    nodes = _to_be_named(graph)
    if not nodes:
        return 0
    colours = _Colours(graph)
    names: dict[Node, Node] = {node: URIRef(f"{BLANK}b{colours.name(node)}") for node in nodes}
    for context in list(graph.graphs()):
        for triple in list(context):
            subject, predicate, value = triple
            renamed = (names.get(subject, subject), predicate, names.get(value, value))
            if renamed != triple:
                context.remove(triple)
                context.add(renamed)
    graph.bind("blank", BLANK, override=False)
    return len(nodes)


def _to_be_named(graph: Dataset) -> set[BNode]:
    """All blank nodes but those that are nothing else than a qualified relation's."""
    from rdflib import BNode  # noqa: PLC0415 - see dlprov.graph.reading.rdf

    found: set[BNode] = set()
    qualified: set[BNode] = set()
    referred: set[BNode] = set()
    for subject, predicate, value, _ in graph.quads():
        if isinstance(subject, BNode):
            found.add(subject)
        if isinstance(value, BNode):
            found.add(value)
            (qualified if str(predicate).startswith(f"{PROV}qualified") else referred).add(value)
    return found - (qualified - referred)


class _Link(NamedTuple):
    """What one triple says of a node about another one."""

    node: Any
    said: str
    other: Any


class _Colours:
    """A colour for each blank node, which depends on its surroundings; no two nodes have the same.

    Nodes of one colour are told apart by the colours of their neighbours, again and again. Where that tells nothing
    more, one of those that still share a colour gets one of its own, and it starts anew: they are mirror images of each
    other, so it makes no difference which one it is.
    """

    def __init__(self, graph: Dataset) -> None:
        self._links: dict[Any, list[_Link]] = defaultdict(list)
        self._colours: dict[Any, str] = {}
        self._members: dict[str, set[Any]] = defaultdict(set)
        ground = self._read(graph)
        for node, links in self._links.items():
            said = sorted(link.said for link in links)
            self._set(node, _digest(said))
        self._split(set(self._links))
        self._break_ties()
        # A name is the document's own.
        told = [f"{self._colours[link.node]}{link.said}{self._colour(link.other)}"
                for links in self._links.values() for link in links]  # fmt: skip
        self._document = _digest(sorted([*ground, *told]))

    def name(self, node: BNode) -> str:
        """Hexadecimal digits that are the node's alone."""
        return _digest([self._document, self._colours[node]])

    def _read(self, graph: Dataset) -> list[str]:
        """Note the links of all blank nodes; returns what is said without any."""
        from rdflib import BNode  # noqa: PLC0415 - see dlprov.graph.reading.rdf

        ground = []
        for subject, predicate, value, context in graph.quads():
            where = "" if context is None or isinstance(context, BNode) else str(context)
            is_subject, is_value = isinstance(subject, BNode), isinstance(value, BNode)
            one, other = "_" if is_subject else subject.n3(), "_" if is_value else value.n3()
            said = f" {one} {predicate.n3()} {other} {where}"
            if is_subject:
                self._links[subject].append(_Link(subject, f">{said}", value if is_value else None))
            if is_value:
                self._links[value].append(_Link(value, f"<{said}", subject if is_subject else None))
            if not is_subject and not is_value:
                ground.append(said)
        return ground

    def _colour(self, node: Any) -> str:
        return self._colours.get(node, "")

    def _set(self, node: Any, colour: str) -> None:
        if node in self._colours:
            self._members[self._colours[node]].discard(node)
        self._colours[node] = colour
        self._members[colour].add(node)

    def _neighbours(self, nodes: Iterable[Any]) -> set[Any]:
        """The neighbours of nodes that share their colour with others."""
        found = {link.other for node in nodes for link in self._links[node] if link.other is not None}
        return {node for node in found if len(self._members[self._colours[node]]) > 1}

    def _split(self, changed: set[Any]) -> None:
        """Tell nodes of one colour apart by those of their neighbours that have changed, until nothing changes."""
        while changed:
            by_colour: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
            for node in self._neighbours(changed):
                seen = sorted(f"{link.said}{self._colours[link.other]}" for link in self._links[node]
                              if link.other in changed)  # fmt: skip
                by_colour[self._colours[node]][_digest(seen)].append(node)
            changed = set()
            for colour, kinds in by_colour.items():
                # One group keeps the colour: those whose neighbours have not changed, else the largest one. Only the
                # others are news to their neighbours; else a long chain would be looked at as a whole each time.
                if sum(map(len, kinds.values())) == len(self._members[colour]):
                    del kinds[max(kinds, key=lambda kind: (len(kinds[kind]), kind))]
                for kind, nodes in kinds.items():
                    for node in nodes:
                        self._set(node, _digest([colour, kind]))
                    changed.update(nodes)

    def _break_ties(self) -> None:
        counts = Counter(self._colours.values())
        shared = sorted(colour for colour, count in counts.items() if count > 1)
        while shared:
            colour = shared.pop(0)
            while len(self._members[colour]) > 1:
                one = next(iter(self._members[colour]))
                self._set(one, _digest([colour, str(len(self._members[colour]))]))
                self._split({one})
            # What was told apart meanwhile may still be several of a colour.
            if not shared:
                counts = Counter(self._colours.values())
                shared = sorted(found for found, count in counts.items() if count > 1)


def _digest(parts: Iterable[str]) -> str:
    made = blake2b(digest_size=16)
    for part in parts:
        made.update(part.encode("utf-8", "surrogatepass"))
        made.update(b"\n")
    return made.hexdigest()
