"""PROV-O, in the languages of RDF."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from prov.model import ProvDocument

from dlprov.errors import UsageError
from dlprov.graph.reading.problems import Problem
from dlprov.graph.reading.provxml import refuse_document_type
from dlprov.graph.statements import PROV

if TYPE_CHECKING:
    from rdflib import Dataset

BASE = "https://w3id.org/dlprov/relative/"
"""What relative IRIs are relative to."""

MOST_COMBINATIONS = 10_000
"""``prov`` makes a statement of each combination of the values of a relation's arguments. No relation has so many."""

MOST_COMPARISONS = 10_000_000
"""``prov`` compares each plain relation of a thing with each qualified one of the same kind."""

_FAMILIES = {
    "actedOnBehalfOf": ("qualifiedDelegation", "Delegation", "agent"),
    "wasAssociatedWith": ("qualifiedAssociation", "Association", "agent"),
    "wasAttributedTo": ("qualifiedAttribution", "Attribution", "agent"),
    "wasInformedBy": ("qualifiedCommunication", "Communication", "activity"),
    "wasInfluencedBy": ("qualifiedInfluence", "Influence", "influencer"),
}
"""Relations whose plain and qualified forms are one statement: their qualified form, its type and its argument."""

_ARGUMENTS = frozenset({"entity", "activity", "agent", "influencer", "hadActivity", "hadPlan", "hadUsage"}) | {
    "hadGeneration", "atTime", "startedAtTime", "endedAtTime",
}  # fmt: skip


def reader(language: str) -> Callable[[bytes], tuple[ProvDocument, list[str]]]:
    """What reads a language of RDF, by rdflib's name; see :data:`dlprov.graph.reading.files.Reader`."""

    def read(content: bytes) -> tuple[ProvDocument, list[str]]:
        if language == "xml":
            refuse_document_type(content)
        return _document(content, language), []

    return read


def _document(content: bytes, language: str) -> ProvDocument:
    try:
        # Late: an extra brings it.
        from prov.serializers.provrdf import ProvRDFSerializer  # noqa: PLC0415
        from rdflib import Dataset  # noqa: PLC0415
        from rdflib.namespace import NamespaceManager  # noqa: PLC0415
    except ImportError:
        raise UsageError("PROV-O is read with rdflib, which is not installed: pip install 'dlprov[prov]'") from None
    graph = Dataset(default_union=True)
    # Without the namespaces that rdflib knows of its own accord.
    graph.namespace_manager = NamespaceManager(graph, bind_namespaces="none")
    try:
        graph.parse(data=content, format=language, publicID=BASE)
    except (UnicodeDecodeError, RecursionError, MemoryError):
        raise
    except SyntaxError as error:
        # rdflib's own has the number of lines that were read, but not under that name.
        line = getattr(error, "lines", None)
        raise Problem(_reason(error), line + 1 if isinstance(line, int) else 0) from None
    except Exception as error:  # noqa: BLE001 - each of rdflib's parsers has exceptions of its own
        place = getattr(error, "getLineNumber", lambda: 0)()
        raise Problem(_reason(error), place or 0) from None
    _look_for_explosions(graph)
    _separate(graph)
    serializer = ProvRDFSerializer(ProvDocument())
    document = serializer.document
    assert document is not None  # noqa: S101 - it was given
    serializer.decode_document(graph, document)
    return document


def _reason(error: Exception) -> str:
    text = str(error).replace("\\n", "\n")
    # rdflib quotes what it was reading, at length.
    bad = re.search(r"Bad syntax \((.*?)\) at \^ in:", text, re.DOTALL)
    return bad[1] if bad else text.partition("\n")[0]


def _look_for_explosions(graph: Dataset) -> None:
    values: dict[Any, Counter[str]] = defaultdict(Counter)
    for subject, predicate, _, _ in graph.quads():
        if str(predicate).startswith(PROV):
            values[subject][str(predicate).removeprefix(PROV)] += 1
    for subject, counted in values.items():
        combinations = 1
        for name in _ARGUMENTS & counted.keys():
            combinations *= counted[name]
        comparisons = max(counted[plain] * counted[qualified] for plain, (qualified, _, _) in _FAMILIES.items())
        if combinations > MOST_COMBINATIONS or comparisons > MOST_COMPARISONS:
            raise Problem(f"{subject} has so many values for one relation that they cannot be told apart")


def _separate(graph: Dataset) -> None:
    """Give a plain relation a node of its own where the subject has others of the kind, which are about other things.

    ``prov`` would take it for a part of one of those.
    """
    from rdflib import RDF, BNode, URIRef  # noqa: PLC0415 - see _document

    for context in list(graph.graphs()):
        for plain, (qualified, kind, argument) in _FAMILIES.items():
            predicate, link = URIRef(PROV + argument), URIRef(PROV + qualified)
            for subject, value in list(context.subject_objects(URIRef(PROV + plain))):
                nodes = list(context.objects(subject, link))
                told = [set(context.objects(node, predicate)) for node in nodes]
                if nodes and all(told) and not any(value in found for found in told):
                    node = BNode()
                    context.add((subject, link, node))
                    context.add((node, RDF.type, URIRef(PROV + kind)))
                    context.add((node, predicate, value))
