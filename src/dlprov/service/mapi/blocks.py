"""Messages on a connection: blocks of at most 8190 bytes, each after its length and a mark on the last one."""

from __future__ import annotations

import asyncio

LARGEST = 8190
"""Bytes of a block."""

_LAST = 1


class BlockError(Exception):
    """What came is no message of this protocol, or came too slowly: nothing that follows can be understood."""


class Blocks:
    """Reads and writes messages. What was written is sent with ``send``, at the latest.

    Args:
        reader: What comes from the client.
        writer: What goes there.
        patience: Seconds that the client may take to send the rest of a message, or to read what was sent.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> None:
        self._reader = reader
        self._writer = writer
        self._patience = patience
        self._waiting = bytearray()

    async def read(self, most: int) -> bytes | None:
        """The next message, however long the client thinks about it; ``None`` if it has gone.

        Args:
            most: The bytes that a message may have. A longer one is read to its end and given as far as that, so that
                the client can be told; up to sixteen times as much, that is.

        Raises:
            BlockError: It is no message, or the rest of it does not come.
        """
        head = await self._start()
        if head is None:
            return None
        try:
            async with asyncio.timeout(self._patience):
                return await self._rest(head, most)
        except TimeoutError:
            raise BlockError("the rest of a message did not come") from None
        except asyncio.IncompleteReadError:
            return None

    async def write(self, text: bytes) -> None:
        """Write a part of a message.

        Raises:
            BlockError: The client does not read.
        """
        self._waiting += text
        while len(self._waiting) > LARGEST:
            self._block(0)
            await self._drain()

    async def send(self, text: bytes = b"") -> None:
        """Write the last part of a message, and send it. Raises as ``write`` does."""
        await self.write(text)
        self._block(_LAST)
        await self._drain()

    async def _start(self) -> bytes | None:
        try:
            return await self._reader.readexactly(2)
        except asyncio.IncompleteReadError:
            return None

    async def _rest(self, head: bytes, most: int) -> bytes:
        text = bytearray()
        read = 0
        while True:
            found = int.from_bytes(head, "little")
            size = found >> 1
            if size > LARGEST:
                raise BlockError(f"a block of {size} bytes is none")
            part = await self._reader.readexactly(size)
            read += size
            if read > 16 * most:
                raise BlockError(f"a message of more than {read} bytes is too much")
            text += part[: max(0, most + 1 - len(text))]
            if found & _LAST:
                return bytes(text)
            head = await self._reader.readexactly(2)

    def _block(self, mark: int) -> None:
        part = self._waiting[:LARGEST]
        self._writer.write((len(part) << 1 | mark).to_bytes(2, "little") + part)
        del self._waiting[:LARGEST]

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._writer.drain()
        except TimeoutError:
            raise BlockError("what was sent is not read") from None
