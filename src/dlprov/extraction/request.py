"""What the command lines of ``RDE`` and ``RDI`` ask for."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dlprov.errors import UsageError

TYPES = ("NUMERIC", "TEXT", "FILE", "LONG_TEXT", "RDFILE")
"""Types of attributes, in any case."""


class Attribute(NamedTuple):
    """A column that is asked for. ``precision``: digits behind the point, for an index; ``None`` if nobody said."""

    name: str
    type: str = "TEXT"
    is_key: bool = False
    precision: int | None = None


class Request(NamedTuple):
    """One call of a program.

    ``cartridge`` and ``action`` are in upper case, ``source`` is the file, the pattern, or a program with its
    arguments, ``attributes`` the text between the brackets, cut at its commas, ``options`` the others by name.
    """

    program: str
    cartridge: str
    action: str
    name: str
    directory: Path
    source: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    options: Mapping[str, str] = {}

    @property
    def delimiter(self) -> str:
        """What separates the values of the source; an empty text: what fits best."""
        return self.options.get("delimiter", "")

    @property
    def is_verbose(self) -> bool:
        """Whether results go to stdout, too."""
        return "verbose" in self.options

    def attributes(self) -> list[Attribute]:
        """The columns as ``name:type[:key][:precision]``, names in upper case.

        Raises:
            UsageError: There are none, or one is something else.
        """
        if not self.columns:
            raise UsageError("attributes were expected, got none: add [NAME:TYPE,…] behind the file")
        return [_attribute(column) for column in self.columns]

    def pairs(self) -> list[tuple[str, str]]:
        """The columns as ``name:something``, names in upper case.

        Raises:
            UsageError: There are none, or one has no such form.
        """
        found = [column.partition(":") for column in self.columns]
        if not found or not all(name.strip() and value.strip() for name, _, value in found):
            raise UsageError(f"[NAME:VALUE,…] was expected, got [{','.join(self.columns)}]")
        return [(name.strip().upper(), value.strip()) for name, _, value in found]

    def files(self) -> list[Path]:
        """The source's files, absolute and sorted. A relative name or pattern is looked for in the directory.

        Raises:
            UsageError: There is none.
        """
        pattern = " ".join(self.source).strip().strip("\"'").strip()
        exact = self.directory / pattern
        if pattern and exact.is_file():
            return [exact.absolute()]
        found = sorted(set(glob.glob(pattern, root_dir=self.directory, recursive=True))) if pattern else []  # noqa: PTH207 - a pattern may be absolute
        files = [Path(os.path.abspath(self.directory / name)) for name in found if (self.directory / name).is_file()]  # noqa: PTH100 - as it is called, not where links lead
        if not files:
            raise UsageError(f"a file or a pattern of files in {self.directory} was expected, got {pattern!r}")
        return files

    def file(self) -> Path:
        """The source's only file.

        Raises:
            UsageError: There is none, or there are several.
        """
        files = self.files()
        if len(files) > 1:
            raise UsageError(
                f"one file was expected, got {len(files)}: {', '.join(path.name for path in files[:5])}, …"
            )
        return files[0]

    def target(self, suffix: str) -> Path:
        """The file that holds the result: ``<directory>/<name>.<suffix>``."""
        return self.directory / f"{self.name}.{suffix}"


def parse(
    program: str, cartridges: Mapping[str, Sequence[str]], options: Sequence[str], words: Sequence[str]
) -> Request:
    """The request of a command line.

    Args:
        program: The program's name.
        cartridges: Its cartridges, each with its actions.
        options: The options that it knows.
        words: The command line, without the program's name.

    Raises:
        UsageError: It is not one.
    """
    if len(words) < 3:
        raise UsageError(f"a cartridge, a name and a directory were expected, got {' '.join(words) or 'nothing'}")
    cartridge, _, action = words[0].upper().partition(":")
    if action not in cartridges.get(cartridge, ()):
        known = ", ".join(f"{name}:{verb}" for name, verbs in cartridges.items() for verb in verbs)
        raise UsageError(f"one of {known} was expected, got {words[0]}")
    name, directory = words[1], Path(words[2]).expanduser()
    if not name or Path(name).name != name:
        raise UsageError(f"a name without a directory was expected, got {name!r}")
    if not directory.is_dir():
        raise UsageError(f"a directory was expected, got {words[2]!r}")
    source, columns, rest = _cut(words[3:], options)
    found: dict[str, str] = {}
    for word in rest:
        key, _, value = word.removeprefix("-").partition("=")
        if not word.startswith("-") or key not in options:
            raise UsageError(
                f"one of the options {', '.join(f'-{option}' for option in options)} was expected, got {word}"
            )
        found[key] = _unquoted(value)
    delimiter = found.get("delimiter")
    if delimiter is not None:
        found["delimiter"] = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
        if len(found["delimiter"]) != 1:
            raise UsageError(f"one character was expected as -delimiter, got {delimiter!r}")
    return Request(program, cartridge, action, name, directory, source, columns, found)


def option_pairs(text: str) -> dict[str, str]:
    """The names and values of ``[k:v,k:v]``.

    Raises:
        UsageError: It is something else.
    """
    found = {}
    for pair in text.strip().removeprefix("[").removesuffix("]").split(","):
        key, colon, value = pair.partition(":")
        if not colon or not key.strip():
            raise UsageError(f"[NAME:VALUE,…] was expected as -option, got {text}")
        found[key.strip()] = value.strip()
    return found


def _cut(words: Sequence[str], options: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...], Sequence[str]]:
    """The source, the columns between brackets (which a shell may have cut at blanks), and the options behind."""
    for first in range(1, len(words)):
        if not words[first].startswith("["):
            continue
        for last in range(first, len(words)):
            text = " ".join(words[first : last + 1])
            if re.fullmatch(r"\[[^\[\]]*\]", text):
                columns = tuple(column.strip() for column in text[1:-1].split(",") if column.strip())
                return tuple(words[:first]), columns, words[last + 1 :]
    for place, word in enumerate(words):
        if word.startswith("-") and word.removeprefix("-").partition("=")[0] in options:
            return tuple(words[:place]), (), words[place:]
    return tuple(words), (), ()


def _attribute(text: str) -> Attribute:
    name, *parts = (part.strip() for part in text.split(":"))
    kind = parts.pop(0).upper() if parts else "TEXT"
    if not name or kind not in TYPES:
        raise UsageError(f"NAME:TYPE with one of the types {', '.join(TYPES)} was expected, got {text!r}")
    is_key, precision = False, None
    for part in parts:
        if part.lower() == "key":
            is_key = True
        elif part.isdecimal():
            precision = int(part)
        else:
            raise UsageError(f"key or a number of digits was expected behind {name.upper()}:{kind}, got {part!r}")
    return Attribute(name.upper(), kind, is_key, precision)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
