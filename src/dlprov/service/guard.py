"""What every request passes first: who asks, from which page, under which name, and how much comes with it.

A web page that somebody has open can send requests to this machine's addresses. So the ``Host`` must be a name of the
service (no foreign name that was made to lead here), and the ``Origin`` its own. A token, once configured, is needed
by everybody but the owner of the store, who has the local key.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import ipaddress
import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dlprov.service.errors import ClientGoneError, RefusedError, refuse

if TYPE_CHECKING:
    from dlprov.service.state import Service

LARGE = 1 << 20
"""Bytes of a body from which on it counts against what all bodies together may take."""

BODIES_AT_A_TIME = 4
"""How many bodies of the largest size may be held in memory at a time."""

_log = logging.getLogger("dlprov.service")
_SLASHES = re.compile("/{2,}")
_OPEN_PATHS = frozenset({"/health"})
_ASK_FOR_TOKEN = [(b"www-authenticate", b'Basic realm="dlprov"'), (b"www-authenticate", b"Bearer")]
_CLOSE = [(b"connection", b"close")]


class Guard:
    """An ASGI application around another one. It tidies the path: no doubled slashes, none at the end."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._held = 0
        """Bytes of large bodies that are being taken in or worked on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with what is wrong with it."""
        scope["path"] = tidy(scope["path"])
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        size = 0
        try:
            headers = dict(scope["headers"])
            self.check(scope, headers)
            size = self._size(headers)
            if size >= LARGE:
                self._hold(size)
            await self._app(scope, self._counted(receive) if b"content-length" not in headers else receive, noting)
        except ClientGoneError:
            return
        except asyncio.CancelledError:
            # The service ends at once, since it was asked twice: whoever still waits is told, if nothing was yet.
            if not started:
                await refuse(scope, send, RefusedError(503, "the service ends: try again when it is back", _CLOSE))
        except Exception as error:  # noqa: BLE001 - one request's fault is not the others', whatever it is
            if not isinstance(error, RefusedError):
                _log.exception("a fault of the service")
            if not started:
                await refuse(scope, send, error)
        finally:
            if size >= LARGE:
                self._held -= size

    def check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Whether the request is one of this service's.

        Raises:
            RefusedError: It is not.
        """
        host = headers.get(b"host")
        here = (scope.get("server") or ("", 0))[0]
        # Only programs of the last century send none; browsers always do.
        if host is not None and not _is_host(host, here, self._service.hosts):
            shown = host.decode("latin-1")
            raise RefusedError(
                403,
                f"a Host header with a name of this service was expected, got {shown!r}: use its address, or start "
                f"it with --allow-host {_name(shown) or 'NAME'}",
            )
        origin = headers.get(b"origin")
        if origin is not None and (not host or origin.partition(b"://")[2].lower() != host.lower()):
            raise RefusedError(
                403,
                f"no Origin header but the service's own was expected, got {origin.decode('latin-1')!r}: pages of "
                "other sites may not use this service",
            )
        if headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site") and not _is_followed_link(scope, headers):
            raise RefusedError(403, "a request of the service's own pages was expected, got one from another site's")
        if self._service.token and scope["path"] not in _OPEN_PATHS:
            self._check_token(headers.get(b"authorization", b""))

    def _check_token(self, given: bytes) -> None:
        if not any(self._service.knows(secret) for secret in secrets(given)):
            raise RefusedError(
                401,
                "the token of this service was expected, as Authorization: Bearer TOKEN, or as the password in the "
                f"URL (http://dlprov:TOKEN@…), got {'another one' if given else 'none'}",
                _ASK_FOR_TOKEN,
            )

    def _size(self, headers: dict[bytes, bytes]) -> int:
        """How many bytes of body may come; the server sees to it that no more do."""
        length = headers.get(b"content-length")
        if length is not None and b"transfer-encoding" in headers:
            # What a proxy takes for the body of one request could be another one here.
            raise RefusedError(400, "one of Content-Length and Transfer-Encoding was expected, got both", _CLOSE)
        if length is None:
            return self._service.max_body if b"transfer-encoding" in headers else 0
        size = int(length)
        if size > self._service.max_body:
            # Who waits for leave to send is not given it; who does not is listened to, so as to hear the answer.
            raise self._too_large(f"{size:,}", waits=b"expect" in headers)
        return size

    def _hold(self, size: int) -> None:
        if self._held and self._held + size > BODIES_AT_A_TIME * self._service.max_body:
            raise RefusedError(
                503,
                "fewer large messages at a time were expected: send it again in a moment",
                [(b"retry-after", b"2")],
            )
        self._held += size

    def _counted(self, receive: Receive) -> Receive:
        """For a body whose size is not known beforehand."""
        taken = 0

        async def counting() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._service.max_body:
                raise self._too_large("more", waits=False)
            return message

        return counting

    def _too_large(self, came: str, *, waits: bool) -> RefusedError:
        return RefusedError(
            413,
            f"a body of at most {self._service.max_body:,} bytes was expected, got {came}: send it in parts, or start "
            "the service with a larger --max-body",
            _CLOSE if waits else [],
        )


def tidy(path: str) -> str:
    """A path without doubled slashes, and without one at its end."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    return path.rstrip("/") or "/" if path.endswith("/") else path


def secrets(authorization: bytes) -> list[bytes]:
    """What an ``Authorization`` header gives as secrets: a bearer's token, or user and password of an URL."""
    kind, _, given = authorization.partition(b" ")
    given = given.strip()
    if kind.lower() == b"bearer":
        return [given]
    if kind.lower() != b"basic":
        return []
    try:
        user, _, password = base64.b64decode(given, validate=True).partition(b":")
    except binascii.Error:
        return []
    return [password, user]


def same(one: bytes, other: str) -> bool:
    """Whether two secrets are the same; how long that takes tells nothing. An empty one is none."""
    return bool(other) and hmac.compare_digest(one, other.encode())


def is_loopback(address: str) -> bool:
    """Whether an IP address is one of this machine's with itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def _is_followed_link(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    """Whether a person follows a link to a page here; that changes nothing, and shows nothing to the other site."""
    return (
        scope["method"] == "GET"
        and headers.get(b"sec-fetch-mode") == b"navigate"
        and headers.get(b"sec-fetch-dest") == b"document"
        and not scope["path"].startswith("/pde")
    )


@lru_cache(maxsize=256)
def _is_host(host: bytes, here: str, hosts: frozenset[str]) -> bool:
    """Whether a ``Host`` names the service. An address of this machine cannot be made to lead somewhere else."""
    name = _name(host.decode("latin-1"))
    return name in hosts or name == here or is_loopback(name)


def _name(host: str) -> str:
    """The name or address in a ``Host`` header, without port, brackets and final dot."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")
