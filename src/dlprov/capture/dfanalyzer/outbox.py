"""Messages on their way to a server, on the disk: ``<store>/outbox/<server>/<client>.queue``.

Each process appends to a file of its own, by one ``os.write`` a message in the calling thread, so that a kill loses
none that a call has returned for. Who delivers a file holds a lock on it, which the kernel lets go when the process is
gone: exactly one delivers, and what a process leaves is found by the next. Beside the file, ``<client>.position`` says
how many of its bytes were answered, and ``<client>.rejected`` keeps what the server did not want.

A line is a JSON object about the message, a blank, and the message::

    {"n":1,"target":"//pde/task/json","size":104,"headers":{}} {"tag":"train",…}
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

if sys.platform != "win32":
    import fcntl

QUEUE, POSITION, REJECTED, URL = ".queue", ".position", ".rejected", "url"

_CHUNK = 1 << 20


class Label(msgspec.Struct, omit_defaults=True):
    """What a queue says about a message: its number in the file from 1, where it goes, its size in bytes."""

    n: int
    target: str
    size: int
    headers: Mapping[str, str] = {}


class Message(msgspec.Struct):
    """One message of a queue, and where its line begins and ends."""

    label: Label
    body: bytes
    begin: int
    end: int


_encode = msgspec.json.Encoder().encode
_decode_label = msgspec.json.Decoder(Label).decode


def encode(label: Label, body: bytes) -> bytes:
    """The line of a message. A JSON text that has a line break in it is put on one line."""
    if b"\n" in body:
        # Between values JSON has no use for it, and within texts it is escaped.
        body = body.replace(b"\n", b" ")
    return _encode(label) + b" " + body + b"\n"


def server_directory(store: Path, origin: str) -> Path:
    """The directory of the queues to one server, by its scheme, host and port."""
    return store / "outbox" / hashlib.sha256(origin.encode()).hexdigest()[:16]


def servers(store: Path) -> Iterator[tuple[Path, str]]:
    """The directories of all servers that messages were kept for, and their origins."""
    for path in sorted((store / "outbox").glob(f"*/{URL}")):
        with suppress(OSError):
            yield path.parent, path.read_text(encoding="utf-8").strip()


class Queue:
    """One file of messages, which this process delivers as long as it holds it. One thread, but for :meth:`write`.

    Attributes:
        path: The file.
        retry_at: When to try again after trouble, by ``time.monotonic()``.
        delay: How long was waited the last time, in seconds.
        failures: How often in a row the server failed at the oldest message, and at nothing else that is known.
    """

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self.retry_at = 0.0
        self.delay = 0.0
        self.failures = 0
        self._file = file
        self._torn = False
        self._positions = -1
        self._position = self._read_position()
        self._number = 0
        self._chunk = b""
        self._chunk_at = 0

    @classmethod
    def create(cls, path: Path) -> Queue:
        """A new file.

        Raises:
            OSError: It cannot be made.
        """
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
        _lock(file)
        return cls(path, file)

    @classmethod
    def claim(cls, path: Path) -> Queue | None:
        """A file that another process left; ``None`` if somebody delivers it, or it is gone.

        Without locks nobody can tell, and it is left alone.
        """
        if sys.platform == "win32":
            return None
        try:
            file = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return None
        with suppress(OSError):
            # Between the opening and the lock, the one who had it may have removed it.
            if _lock(file) and path.stat().st_ino == os.fstat(file).st_ino:
                return cls(path, file)
        os.close(file)
        return None

    @property
    def client(self) -> str:
        """The name of the process that wrote it."""
        return self.path.stem

    def write(self, line: bytes) -> bool:
        """Append a line in one piece; whether the disk took it. What it took of a line otherwise is passed over."""
        text = b"\n" + line if self._torn else line
        try:
            written = os.write(self._file, text)
        except OSError:
            return False
        self._torn = written < len(text) and (self._torn or written > 0)
        return written == len(text)

    def next(self) -> Message | None:
        """The oldest message that was not answered yet."""
        message = self._after(self._position, self._number)
        if message is not None:
            self._position = message.begin
        return message

    def behind(self, message: Message) -> Message | None:
        """The message that comes after another one."""
        return self._after(message.end, message.label.n)

    def answered(self, message: Message) -> None:
        """The server has it: never send it again."""
        self._position, self._number = message.end, message.label.n
        with suppress(OSError):
            if self._positions < 0:
                flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
                self._positions = os.open(self.path.with_suffix(POSITION), flags, 0o600)
            # Always the same number of bytes: a kill leaves the old number or the new one.
            os.pwrite(self._positions, b"%020d\n" % message.end, 0)

    def reject(self, message: Message, status: int, answer: str) -> None:
        """The server does not want it: keep it aside, and go on."""
        about = {"status": status, "answer": answer, "n": message.label.n, "target": message.label.target}
        with suppress(OSError), self.path.with_suffix(REJECTED).open("ab") as file:
            file.write(_encode(about) + b" " + message.body + b"\n")
        self.answered(message)

    def count(self) -> int:
        """How many messages wait."""
        found, position, number = 0, self._position, self._number
        while (message := self._after(position, number)) is not None:
            found, position, number = found + 1, message.end, message.label.n
        return found

    def remove(self) -> None:
        """Delete the file, all of whose messages were answered, and let it go."""
        with suppress(OSError):
            self.path.unlink()
        with suppress(OSError):
            self.path.with_suffix(POSITION).unlink()
        self.release()

    def release(self) -> None:
        """Let the file go, for others to deliver; in a forked child: close what is the parent's."""
        for file in (self._file, self._positions):
            if file >= 0:
                os.close(file)
        self._file = self._positions = -1

    def _after(self, position: int, number: int) -> Message | None:
        """The first message from a position on.

        What is none is a line that the disk took only a part of: the whole message comes behind it. If all but its end
        was taken it is whole in both, by the same number.
        """
        while (line := self._line(position)) is not None:
            message = _message(line, position)
            if message is not None and message.label.n > number:
                return message
            position += len(line) + 1
        return None

    def _line(self, position: int) -> bytes | None:
        begin = position - self._chunk_at
        end = self._chunk.find(b"\n", begin) if begin >= 0 else -1
        size = _CHUNK
        while end < 0:
            self._chunk_at, begin = position, 0
            self._chunk = os.pread(self._file, size, position)
            end = self._chunk.find(b"\n")
            if end < 0 and len(self._chunk) < size:
                return None
            size *= 2
        return self._chunk[begin:end]

    def _read_position(self) -> int:
        try:
            found = int(self.path.with_suffix(POSITION).read_bytes())
        except (OSError, ValueError):
            return 0
        return found if 0 <= found <= os.fstat(self._file).st_size else 0


def waiting(path: Path) -> int:
    """How many messages of a queue wait, whoever delivers it."""
    try:
        queue = Queue(path, os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)))
    except OSError:
        return 0
    found = queue.count()
    queue.release()
    return found


def abandoned(directory: Path) -> list[Queue]:
    """The queues of a server that nobody delivers, the oldest first; from here on this process holds them."""
    found: list[tuple[float, Queue]] = []
    for path in directory.glob(f"*{QUEUE}"):
        queue = Queue.claim(path)
        if queue is not None:
            found.append((path.stat().st_mtime, queue))
    return [queue for _, queue in sorted(found, key=lambda pair: (pair[0], pair[1].client))]


def _message(line: bytes, position: int) -> Message | None:
    # A label has no blank in it: its texts are made by us, and a target is a part of a URL.
    text, _, body = line.partition(b" ")
    try:
        label = _decode_label(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return Message(label, body, position, position + len(line) + 1) if len(body) == label.size else None


def _lock(file: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
