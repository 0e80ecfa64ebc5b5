"""DfAnalyzer's words: what its clients report, in whichever way it comes here, becomes lines of run logs."""

from dlprov.capture.dfanalyzer.messages import (
    Interval,
    MessageError,
    TaskMessage,
    UnknownDataflowError,
    plan_of,
    task_of,
)
from dlprov.capture.dfanalyzer.profiles import NEWEST, PROFILES
from dlprov.capture.dfanalyzer.recorder import Recorder

__all__ = [
    "NEWEST",
    "PROFILES",
    "Interval",
    "MessageError",
    "Recorder",
    "TaskMessage",
    "UnknownDataflowError",
    "plan_of",
    "task_of",
]
