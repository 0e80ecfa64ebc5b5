"""The one exception tree of dlprov.

::

    DlprovError
    ├── UsageError (also ValueError)   the caller asked for something that cannot be done
    ├── StoreError                     the store directory or its index cannot be used
    │   └── StoreBusyError             another process holds the index longer than we are willing to wait
    ├── QueryError                     a question that the index refuses, with the engine's reason
    ├── NotFoundError (also LookupError) a run, dataflow or file that the store does not hold
    └── LogError                       a run log that cannot be read
        └── LogFormatError             a line that is not an event

Every message names what was expected, what came, and what to do next.
"""

from __future__ import annotations


class DlprovError(Exception):
    """Base of every exception that dlprov raises on purpose."""


class UsageError(DlprovError, ValueError):
    """A call or a command line that cannot be carried out as it was written."""


class StoreError(DlprovError):
    """The store directory or its index cannot be opened, read or written."""


class StoreBusyError(StoreError):
    """The index stayed in use by other processes for longer than the waiting time."""


class QueryError(DlprovError):
    """The index refused a question; the message carries the engine's reason."""


class NotFoundError(DlprovError, LookupError):
    """The store holds nothing under the given name."""


class LogError(DlprovError):
    """A run log cannot be read."""


class LogFormatError(LogError):
    """A line of a run log is not an event of the log format."""
