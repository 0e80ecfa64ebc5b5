"""Identity of data, models and files: what it is, how large, and the SHA-256 of its content.

The fingerprint of an array is over its type, its shape and its bytes in C order, so equal arrays have equal
fingerprints however they lie in memory, on whichever framework and device. A file's is over its bytes, a
directory's over the names and fingerprints of its files. Nothing is ever sampled: one changed value changes it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

CHUNK = 1 << 20


class Identity(msgspec.Struct):
    """What is known of one piece of data. ``size`` is in bytes, ``shape`` has ``None`` for an unknown length."""

    kind: str
    fingerprint: str = ""
    shape: tuple[int | None, ...] = ()
    dtype: str = ""
    size: int | None = None
    details: dict[str, Any] = msgspec.field(default_factory=dict)


def of_path(path: Path) -> tuple[str, int | None, str]:
    """``(sha256, size in bytes, problem)`` of a file or directory; the problem is empty if there is none."""
    try:
        if path.is_dir():
            return *_of_directory(path), ""
        return *_of_file(path), ""
    except FileNotFoundError:
        return "", None, "does not exist"
    except OSError as error:
        return "", None, f"cannot be read ({error.strerror or error})"


def of_data(data: Any, *, hashing: bool = True) -> dict[str, Identity]:
    """The identities of the arrays in ``data`` by name; one thing alone has the name ``""``.

    Tuples, lists and dicts of arrays are taken apart. Generators, data sets and loaders are described by their
    own attributes and never iterated: that would consume them, or the random state behind them.
    """
    if data is None:
        return {}
    if isinstance(data, Mapping):
        return {str(name): identity for name, part in data.items() for identity in [_of_one(part, hashing)]}
    if isinstance(data, list | tuple) and any(_is_array(part) for part in data):
        return {str(index): _of_one(part, hashing) for index, part in enumerate(data)}
    return {"": _of_one(data, hashing)}


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _kind(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def _of_one(value: Any, hashing: bool) -> Identity:
    if _is_array(value) or (hasattr(value, "to_numpy") and hasattr(value, "shape")):
        return _of_array(value, hashing)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _of_sequence(value, hashing)
    return Identity(_kind(value), details=_describe(value))


def _of_array(value: Any, hashing: bool) -> Identity:
    identity = Identity(_kind(value), shape=_shape(value), dtype=str(getattr(value, "dtype", "")))
    array = _as_numpy(value)
    if array is None:
        return identity
    identity.dtype = identity.dtype or str(array.dtype)
    identity.size = int(array.nbytes)
    if hashing and not array.dtype.hasobject:
        # The bytes of an object array are pointers: their hash would say nothing.
        identity.fingerprint = _hash_array(array)
    return identity


def _of_sequence(value: Sequence[Any], hashing: bool) -> Identity:
    identity = Identity(_kind(value), shape=(len(value),))
    if type(value) in (list, tuple) and all(type(item) in (int, float, bool, str) for item in value):
        text = msgspec.json.encode([repr(item) for item in value])
        identity.size = len(text)
        if hashing:
            identity.fingerprint = "sha256:" + hashlib.sha256(b"list" + text).hexdigest()
    else:
        identity.details = _describe(value)
    return identity


def _shape(value: Any) -> tuple[int | None, ...]:
    try:
        return tuple(None if side is None else int(side) for side in value.shape)
    except (TypeError, ValueError):
        return ()


def _as_numpy(value: Any) -> Any:
    """``value`` as a NumPy array, without a copy where that is possible; ``None`` if it has no such form."""
    try:
        if hasattr(value, "detach"):  # a PyTorch tensor, which may need gradients or live on a device
            value = value.detach().cpu()
        if hasattr(value, "to_numpy"):
            value = value.to_numpy()
        elif not hasattr(value, "nbytes") or not hasattr(value, "strides"):
            value = value.__array__()
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return None
    return value if hasattr(value, "nbytes") and hasattr(getattr(value, "dtype", None), "hasobject") else None


def _hash_array(array: Any) -> str:
    digest = hashlib.sha256(f"{array.dtype.str}{tuple(array.shape)}".encode())
    if math.prod(array.shape) == 0:
        return "sha256:" + digest.hexdigest()
    if array.flags.c_contiguous:
        digest.update(array.reshape(-1).view("u1").data)
    else:
        # Row by row: a copy of the whole array might not fit into memory.
        rows = array if array.ndim > 1 else (array,)
        for row in rows:
            digest.update(row.tobytes())
    return "sha256:" + digest.hexdigest()


def _describe(value: Any) -> dict[str, Any]:
    """What a data set or loader says of itself, by attributes that are cheap and consume nothing."""
    found: dict[str, Any] = {}
    for name in ("batch_size", "_batch_size", "num_batches", "workers", "use_multiprocessing", "drop_last", "name"):
        simple = getattr(value, name, None)
        if isinstance(simple, int | float | str | bool):
            found[name.lstrip("_")] = simple
    for name in ("element_spec", "dataset", "sampler"):
        part = getattr(value, name, None)
        if part is not None:
            found[name] = repr(part) if name == "element_spec" else _kind(part)
    cardinality = getattr(value, "cardinality", None)
    if callable(cardinality) and hasattr(value, "element_spec"):  # tf.data: -1 infinite, -2 unknown
        found["cardinality"] = int(cardinality())
    if hasattr(value, "__len__"):
        try:
            found["length"] = len(value)
        except TypeError:
            pass
    return found


def _of_file(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


def _of_directory(path: Path) -> tuple[str, int]:
    digest, total = hashlib.sha256(), 0
    for part in sorted(path.rglob("*")):
        if part.is_file():
            sha256, size = _of_file(part)
            digest.update(f"{part.relative_to(path).as_posix()}\0{sha256}\n".encode("utf-8", "surrogateescape"))
            total += size
    return digest.hexdigest(), total
