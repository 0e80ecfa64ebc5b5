"""PROV-CONSTRAINTS (W3C Recommendation, 30 April 2013): is a PROV document valid?

Knows nothing but the model of the ``prov`` package. Every document and each of its bundles is looked at for itself, as
section 7 of the Recommendation says: what follows from the statements is added, statements with the same key are
made one, and then the order of events, the types of things and the impossible are checked.
"""

from dlprov.graph.constraints.validity import check
from dlprov.graph.constraints.violations import NAMES, Violation

__all__ = ["NAMES", "Violation", "check"]
