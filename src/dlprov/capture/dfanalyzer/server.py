"""A DfAnalyzer-compatible server as one who posts messages to it sees it: an address and a kept connection."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

from dlprov.errors import UsageError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
"""A slow server must have the time to answer: giving up on it would send the message a second time."""

ANSWER_BYTES = 2_000
"""How much of an answer is kept; the rest is read and thrown away."""


_inherited: list[http.client.HTTPConnection] = []


class ServerError(Exception):
    """The server could not be reached, or did not answer as HTTP servers do. The message says which."""


class Server:
    """One server, by the URL of its clients. One thread at a time.

    Attributes:
        origin: Scheme, host and port.
        url: As it was given, without a password.

    Raises:
        UsageError: It is no URL of a server.
    """

    def __init__(self, url: str) -> None:
        text = url.strip()
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in ("http", "https") or not host:
            raise UsageError(f"the URL of a server was expected, like http://localhost:22000/, got {url!r}")
        self._host = host
        self._port = port or (443 if parts.scheme == "https" else 80)
        self._is_secure = parts.scheme == "https"
        self._path = parts.path
        self._headers = {"Accept": "*/*", "Content-Type": "application/json", "User-Agent": "dlprov"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
        shown = f"[{host}]" if ":" in host else host
        self.origin = f"{parts.scheme}://{shown}:{self._port}"
        self.url = f"{self.origin}{parts.path}"
        self._connection: http.client.HTTPConnection | None = None

    def target(self, path: str) -> str:
        """What a request for ``path`` asks for. The URL and the path are put together as they are, as clients did."""
        return quote(self._path + path, safe="/%:;,=+&!$'()*@~")

    def post(self, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Post a message; gives the status and the beginning of the answer. Waits for the server, up to a minute.

        Raises:
            ServerError: There was no answer.
        """
        kept = self._connection is not None
        try:
            try:
                return self._post(target, body, headers)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.close()
                if not kept:
                    raise
                # The server has closed the connection since the last message, as it may.
                return self._post(target, body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise ServerError(_reason(error)) from None

    def close(self) -> None:
        """Close the connection; the next message opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def after_fork_in_child(self) -> None:
        """In a forked child: close its copy of the connection, which goes on in the parent."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.sock is not None:
            # Not its own `close`: that waits for a lock which a thread of the parent's may have held when it forked.
            # Nor may it be thrown away, which closes it, too.
            os.close(connection.sock.detach())
            _inherited.append(connection)

    def _post(self, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        connection = self._connection
        if connection is None:
            kind = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
            connection = kind(self._host, self._port, timeout=CONNECT_SECONDS)
            connection.connect()
            connection.sock.settimeout(ANSWER_SECONDS)
            # A message is one small packet, which must not wait for the next one.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = connection
        connection.request("POST", target, body, {**self._headers, **headers})
        if hasattr(socket, "TCP_QUICKACK"):
            # A server that writes an answer in two parts sends the second when the first was acknowledged, which the
            # kernel would put off for 40 ms. It forgets this wish, so it is told each time.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        answer = connection.getresponse()
        text = answer.read(ANSWER_BYTES)
        while answer.read(1 << 16):
            pass
        if answer.will_close:
            self.close()
        return answer.status, text.decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ssl.SSLError):
        return str(error)
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return f"it does not speak HTTP: {type(error).__name__} {error}".rstrip()
