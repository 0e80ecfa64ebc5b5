"""PROV-O, in the languages of RDF."""

from __future__ import annotations

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from prov.model import ProvDocument

from dlprov.errors import UsageError
from dlprov.graph.reading.blanks import BLANK, name_blanks
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

_QUALIFIED = {
    "Generation", "Usage", "Communication", "Start", "End", "Invalidation", "Derivation", "PrimarySource", "Quotation",
    "Revision", "Attribution", "Association", "Delegation", "Influence",
}  # fmt: skip
"""Classes of qualified relations: the values of prov:qualifiedGeneration and so on."""

_SPECIAL = {
    "Bundle": "Entity", "Collection": "Entity", "EmptyCollection": "Entity", "Plan": "Entity",
    "Organization": "Agent", "Person": "Agent", "SoftwareAgent": "Agent",
}  # fmt: skip
"""Classes of things and the classes above them."""

_ARGUMENTS = frozenset({"entity", "activity", "agent", "influencer", "hadActivity", "hadPlan", "hadUsage"}) | {
    "hadGeneration", "atTime", "startedAtTime", "endedAtTime",
}  # fmt: skip


def reader(language: str) -> Callable[[bytes], tuple[ProvDocument, list[str]]]:
    """What reads a language of RDF, by rdflib's name; see :data:`dlprov.graph.reading.files.Reader`."""

    def read(content: bytes) -> tuple[ProvDocument, list[str]]:
        if language == "xml":
            refuse_document_type(content)
        return _document(content, language)

    return read


def _document(content: bytes, language: str) -> tuple[ProvDocument, list[str]]:
    try:
        # Late: an extra brings it.
        from prov.serializers.provrdf import ProvRDFSerializer  # noqa: PLC0415
        from rdflib import Dataset  # noqa: PLC0415
        from rdflib.namespace import NamespaceManager  # noqa: PLC0415
    except ImportError:
        raise UsageError("PROV-O is read with rdflib, which is not installed: pip install 'dlprov[prov]'") from None
    graph = Dataset(default_union=True)
    # Without the namespaces that rdflib knows of its own accord: a document may give their prefixes to others.
    graph.namespace_manager = NamespaceManager(graph, bind_namespaces="none")
    # Older releases of rdflib have it under another name.
    default = graph.default_graph if hasattr(graph, "default_graph") else graph.default_context
    default.namespace_manager = graph.namespace_manager
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
    named = name_blanks(graph)
    _say_types(graph)
    _separate(graph)
    serializer = ProvRDFSerializer(ProvDocument())
    document = serializer.document
    assert document is not None  # noqa: S101 - it was given
    _declare_namespaces(graph, document)
    told = [f"nodes are blank where PROV needs names: {named:,}; named {BLANK}…"] if named else []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        serializer.decode_document(graph, document)
    for warning in caught:
        if str(warning.message).startswith("The following attributes were not converted"):
            told += _without_type(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return document, told


def _without_type(message: str) -> list[str]:
    """What ``prov`` says of things that have types, but none of PROV's."""
    names = re.findall(r"""['"](\S+?)['"]: \[""", message)
    shown = f"{', '.join(names[:3])}{', …' if len(names) > 3 else ''}"
    return [f"things have types, but are no entities, activities or agents: {len(names):,} ({shown}); left out"]


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


def _say_types(graph: Dataset) -> None:
    """Give things and the nodes of qualified relations the types that follow; ``prov`` leaves out those without."""
    from rdflib import RDF, URIRef  # noqa: PLC0415 - see _document

    for context in list(graph.graphs()):
        for special, general in _SPECIAL.items():
            for thing in list(context.subjects(RDF.type, URIRef(PROV + special))):
                context.add((thing, RDF.type, URIRef(PROV + general)))
        for kind in _QUALIFIED:
            for node in list(context.objects(None, URIRef(f"{PROV}qualified{kind}"))):
                types = context.objects(node, RDF.type)
                if not any(str(found).removeprefix(PROV) in _QUALIFIED for found in types):
                    context.add((node, RDF.type, URIRef(PROV + kind)))


def _declare_namespaces(graph: Dataset, document: ProvDocument) -> None:
    """Give the IRIs that PROV's properties relate a namespace; ``prov`` makes none for those that have no type."""
    from rdflib import URIRef  # noqa: PLC0415 - see _document

    for prefix, namespace in graph.namespaces():
        document.add_namespace(prefix, str(namespace))
    related = [(subject, value) for subject, predicate, value, _ in graph.quads() if str(predicate).startswith(PROV)]
    names = {str(node) for nodes in related for node in nodes if isinstance(node, URIRef)}
    count = 0
    # In an order, so that the document has the same prefixes each time.
    for name in sorted(names):
        if document.valid_qualified_name(name) is None:
            count += 1
            document.add_namespace(f"n{count}", name[: max(map(name.rfind, "#/:")) + 1])


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
