"""The command line: ``dlprov COMMAND …``. One file a command; the others are what commands share."""

from dlprov.cli.program import main

__all__ = ["main"]
