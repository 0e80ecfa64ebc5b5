"""Who may ask: the challenge that a client is given, and its answer.

The password never travels: the client sends a hash of its hash and of the challenge.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import NamedTuple

USER = "monetdb"
PASSWORD = "monetdb"  # noqa: S105 - MonetDB's own, which DfAnalyzer never changed
"""What everybody uses where no token is needed. It keeps nobody out who could not ask over HTTP as well."""

MOST_BYTES = 4096
"""The bytes that an answer to the challenge may have."""

_HASHES = {name: name.lower() for name in ("SHA512", "SHA384", "SHA256", "SHA224", "SHA1")}
_OPTIONS = 6
"""Which options a client may send with its answer: all that the protocol has up to the time zone."""


class LoginError(Exception):
    """Why a client may not ask; with what MonetDB says then."""


@dataclass
class Options:
    """What a client wants of its connection.

    Attributes:
        commits: Whether each statement is a transaction of its own. Nothing depends on it: a client is only told again.
        reply_size: How many rows come with the answer to a question; the client fetches the others. 0 or less: all.
        has_sizes: Whether the head of an answer has the line with the sizes of types.
    """

    commits: bool = True
    reply_size: int = 100
    has_sizes: bool = False


class Secret(NamedTuple):
    """A password, and whether it is that of the store's owner."""

    password: str
    is_owners: bool = False


@dataclass
class Login:
    """A client that was let in."""

    is_owner: bool = False
    options: Options = field(default_factory=Options)


def challenge() -> tuple[str, str]:
    """A random text, and the message that asks a client to prove with it that it knows the password."""
    salt = secrets.token_hex(8)
    return salt, f"{salt}:mserver:9:{','.join(_HASHES)}:LIT:SHA512:sql={_OPTIONS}:"


def check(answer: bytes, salt: str, passwords: list[Secret]) -> Login:
    """Let a client in that answers the challenge with the user's name and one of these passwords.

    Raises:
        LoginError: It does not.
    """
    try:
        parts = answer.decode("utf-8").strip().split(":")
    except UnicodeDecodeError:
        parts = []
    if len(parts) < 5:
        raise LoginError("an answer to the challenge was expected: byte order, user, password, language, database")
    _, user, hashed, language, *rest = parts
    algorithm, _, digest = hashed.removeprefix("{").partition("}")
    if algorithm not in _HASHES:
        raise LoginError(f"a password hashed with one of {', '.join(_HASHES)} was expected, got {algorithm[:20]!r}")
    known = None
    for secret in passwords:
        inner = hashlib.sha512(secret.password.encode()).hexdigest()
        wanted = hashlib.new(_HASHES[algorithm], (inner + salt).encode(), usedforsecurity=False).hexdigest()
        if hmac.compare_digest(wanted.encode(), digest.encode()):
            known = secret
    if known is None or (known.password == PASSWORD and user != USER):
        raise LoginError(f"InvalidCredentialsException:checkCredentials:invalid credentials for user '{user[:50]}'")
    if language != "sql":
        raise LoginError(f"the language sql was expected, got {language[:20]!r}: leave out -l, or language=")
    return Login(known.is_owners, _options(rest[2] if len(rest) > 2 else ""))


def _options(text: str) -> Options:
    """What stands behind the database, as ``auto_commit=0,reply_size=100``."""
    found = Options()
    for part in text.split(","):
        name, _, value = part.partition("=")
        try:
            number = int(value)
        except ValueError:
            continue
        if name == "auto_commit":
            found.commits = bool(number)
        elif name == "reply_size":
            found.reply_size = number
        elif name == "size_header":
            found.has_sizes = bool(number)
    return found
