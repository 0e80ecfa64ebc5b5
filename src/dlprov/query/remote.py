"""Questions to the service that keeps the index: over HTTP on this machine, with the key of the store's owner.

The service answers with lines of JSON: a sign of life every second, how far an indexing is, and in the end the answer
or the error. Behind the line of an answer come the bytes of a database file that holds it, so that it is the same to
the last bit.
"""

from __future__ import annotations

import http.client
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from dlprov import errors
from dlprov.errors import DlprovError, QueryError, StoreError
from dlprov.query import parameters
from dlprov.query.foreign import FilesError
from dlprov.query.result import Result
from dlprov.store.address import Address

SILENCE_SECONDS = 20.0
"""How long a service may be silent that says every second that it is there."""

_PIECE = 1 << 20

Progress = Callable[[int, int], None] | None


class GoneError(Exception):
    """The service is not there, or went while it answered."""


class SilentError(Exception):
    """The service is there, but gives no sign of life."""


class Line(msgspec.Struct, omit_defaults=True):
    """One line of an answer: ``working``, ``progress``, ``answer``, ``done`` or ``error``.

    Attributes:
        is_: Which one it is.
        size: Of an answer, the bytes that follow.
        done, total: Bytes of log text: taken in, and to be taken in.
        type, message: The error.
    """

    is_: str = msgspec.field(name="is")
    size: int = 0
    done: int = 0
    total: int = 0
    type: str = ""
    message: str = ""


class Remote:
    """The service at an address. Each call has a connection of its own; one thread at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def ask(self, statement: str, values: Sequence[Any] | Mapping[str, Any] | None, schema: str) -> Result:
        """The answer to one statement.

        Raises:
            GoneError, SilentError: The service gave none.
            DlprovError: What it answered instead: the same that asking here would raise.
        """
        question = {"sql": statement, "parameters": parameters.encode(values), "schema": schema}
        with tempfile.TemporaryDirectory(prefix="dlprov-") as directory:
            path = Path(directory, "answer")
            self._call("ask", question, path=path)
            return Result.unpack(path, statement)

    def refresh(self, progress: Progress = None) -> int:
        """Let it bring the index up to date; gives the bytes of log text taken in. Raises as :meth:`ask` does."""
        return self._call("refresh", {}, progress).done

    def rebuild(self, progress: Progress = None) -> int:
        """Let it build the index anew; otherwise as :meth:`refresh`."""
        return self._call("rebuild", {}, progress).done

    def _call(self, what: str, question: dict[str, Any], progress: Progress = None, path: Path | None = None) -> Line:
        """The last line of an answer, and the file that came with it in ``path``."""
        try:
            body = msgspec.json.encode(question)
        except UnicodeEncodeError as error:
            raise QueryError(
                f"a text in Unicode was expected, got one with half of a character ({error.reason})"
            ) from None
        parts = urlsplit(self._address.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SILENCE_SECONDS)
        headers = {"Authorization": f"Bearer {self._address.key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", f"/local/{what}", body, headers)
            response = connection.getresponse()
            if response.status != 200:
                # Another program listens there now, or the service has another key.
                raise GoneError(f"it answered {response.status}")
            return self._read(response, progress, path)
        except TimeoutError:
            raise SilentError(f"has been silent for {SILENCE_SECONDS:g} s: end it if it hangs") from None
        except (OSError, ValueError, http.client.HTTPException, msgspec.MsgspecError) as error:
            raise GoneError(str(error)) from None
        finally:
            connection.close()

    def _read(self, response: http.client.HTTPResponse, progress: Progress, path: Path | None) -> Line:
        while True:
            text = response.readline()
            if not text.endswith(b"\n"):
                raise GoneError("the answer is not whole")
            line = msgspec.json.decode(text, type=Line)
            if line.is_ == "error":
                raise _error(line)
            if line.is_ == "progress" and progress is not None:
                progress(line.done, line.total)
            if line.is_ == "answer" and path is not None:
                _save(response, line.size, path)
            if line.is_ in {"answer", "done"}:
                return line


def _save(response: http.client.HTTPResponse, size: int, path: Path) -> None:
    with path.open("wb") as file:
        while size:
            piece = response.read(min(size, _PIECE))
            if not piece:
                raise GoneError("the answer is not whole")
            file.write(piece)
            size -= len(piece)


def error_line(error: DlprovError) -> Line:
    """An exception as a line, from which the client makes the same exception."""
    return Line("error", type=type(error).__name__, message=str(error))


def _error(line: Line) -> DlprovError:
    if line.type == FilesError.__name__:
        return FilesError(line.message)
    kind = getattr(errors, line.type, None)
    if isinstance(kind, type) and issubclass(kind, DlprovError):
        return kind(line.message)
    return StoreError(line.message)
