"""DfAnalyzer's query interface: a message names sets, and becomes a question in SQL that is shown and answered."""

from dlprov.query.interface.catalog import find_dataflow
from dlprov.query.interface.message import Message, parse_message
from dlprov.query.interface.plan import Plan, answer, plan

__all__ = ["Message", "Plan", "answer", "find_dataflow", "parse_message", "plan"]
