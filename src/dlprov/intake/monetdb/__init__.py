"""MonetDB dumps of DfAnalyzer databases, of all generations: what Keras-Prov and DLProv users have."""

from dlprov.intake.monetdb.logs import import_dump

__all__ = ["import_dump"]
