"""What is wrong with a PROV instance, and which of the Recommendation's constraints says so."""

from __future__ import annotations

from dataclasses import dataclass

NAMES: dict[int, str] = {
    22: "key-object",
    23: "key-properties",
    24: "unique-generation",
    25: "unique-invalidation",
    26: "unique-wasStartedBy",
    27: "unique-wasEndedBy",
    28: "unique-startTime",
    29: "unique-endTime",
    30: "start-precedes-end",
    31: "start-start-ordering",
    32: "end-end-ordering",
    33: "usage-within-activity",
    34: "generation-within-activity",
    35: "wasInformedBy-ordering",
    36: "generation-precedes-invalidation",
    37: "generation-precedes-usage",
    38: "usage-precedes-invalidation",
    39: "generation-generation-ordering",
    40: "invalidation-invalidation-ordering",
    41: "derivation-usage-generation-ordering",
    42: "derivation-generation-generation-ordering",
    43: "wasStartedBy-ordering",
    44: "wasEndedBy-ordering",
    45: "specialization-generation-ordering",
    46: "specialization-invalidation-ordering",
    47: "wasAssociatedWith-ordering",
    48: "wasAttributedTo-ordering",
    49: "actedOnBehalfOf-ordering",
    50: "typing",
    51: "impossible-unspecified-derivation-generation-use",
    52: "impossible-specialization-reflexive",
    53: "impossible-property-overlap",
    54: "impossible-object-property-overlap",
    55: "entity-activity-disjoint",
    56: "membership-empty-collection",
}
"""The constraints of PROV-CONSTRAINTS (W3C Recommendation, 30 April 2013) by number."""


@dataclass(frozen=True)
class Violation:
    """One reason why a PROV instance is not valid.

    Attributes:
        constraints: Numbers of the constraints that are violated together, the decisive one first.
        message: What is wrong, for a person.
        statements: The statements involved, in PROV-N.
        bundle: IRI of the bundle that they stand in; empty for the document's top level.
    """

    constraints: tuple[int, ...]
    message: str
    statements: tuple[str, ...] = ()
    bundle: str = ""

    @property
    def number(self) -> int:
        """The decisive constraint."""
        return self.constraints[0]

    @property
    def name(self) -> str:
        """The Recommendation's name of the decisive constraint."""
        return NAMES[self.number]
