"""Arrays in files of NumPy, as columns that the engine takes, a part at a time."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dlprov.errors import StoreError

if TYPE_CHECKING:
    import numpy as np

PART_ROWS = 50_000
"""Rows that are converted at a time."""

MAPPED_BYTES = 1 << 24
"""A larger file is mapped instead of read."""

UNPACKED_BYTES = 1 << 32
"""How much an archive may unpack to, on the disk."""


class Column(NamedTuple):
    """One column: its name, its values, and whether they are fractions, whose NaN the engine takes for a gap."""

    name: str
    values: np.ndarray[Any, Any]
    is_float: bool


def columns(path: str, directory: Path) -> list[Column]:
    """The columns of a file: a 1-D or 2-D array, a structured array, or an archive of such arrays by name.

    Args:
        path: The file.
        directory: Where an archive may be unpacked.

    Raises:
        StoreError: NumPy is not installed, or the file holds something else; Python objects are never unpickled.
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as file:
        is_archive = file.read(4) == b"PK\x03\x04"
    if is_archive:
        try:
            found = [column for name, member in _unpacked(path, directory) for column in _of_array(name, _load(member))]
        except (zipfile.BadZipFile, RuntimeError, EOFError) as error:
            raise StoreError(f"an archive of arrays was expected, got {error}") from None
    else:
        found = _of_array("", _load(path))
    lengths = {len(column.values) for column in found}
    if len(lengths) > 1:
        raise StoreError(f"arrays of one length were expected, got {', '.join(map(str, sorted(lengths)))}")
    return found


def parts(found: list[Column], limit: int) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
    """The values of the first ``limit`` rows, as columns ``c0``, ``c1``, …, a part at a time."""
    converters = [_converter(column) for column in found]
    rows = min(limit, len(found[0].values)) if found else 0
    for first in range(0, rows, PART_ROWS):
        until = min(first + PART_ROWS, rows)
        yield {
            f"c{place}": convert(column.values[first:until])
            for place, (column, convert) in enumerate(zip(found, converters, strict=True))
        }


def _unpacked(path: str, directory: Path) -> Iterator[tuple[str, str]]:
    """The names of an archive's arrays, and where they lie now."""
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > UNPACKED_BYTES:
            raise StoreError(f"at most {UNPACKED_BYTES:,} bytes are unpacked, it has {size:,}: save its arrays alone")
        for number, member in enumerate(archive.infolist()):
            target = directory / f"{number}.npy"
            with archive.open(member) as packed, target.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
            yield member.filename.removesuffix(".npy"), str(target)


def _load(path: str) -> np.ndarray[Any, Any]:
    try:
        # Late: NumPy is no dependency of this package, and only such files need it.
        import numpy as np  # noqa: PLC0415
    except ImportError:
        raise StoreError("NumPy is needed to read it and is not installed: pip install numpy, then rebuild") from None
    try:
        mapped = Path(path).stat().st_size > MAPPED_BYTES
        found = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, EOFError) as error:
        if "bject" in str(error):
            raise StoreError("numbers or texts were expected, got Python objects, which are never unpickled") from None
        raise StoreError(f"an array was expected, got {error}") from None
    if not isinstance(found, np.ndarray):
        raise StoreError("an array was expected, got an archive within the archive")
    return found


def _of_array(name: str, array: np.ndarray[Any, Any]) -> list[Column]:
    if array.dtype.names:
        if array.ndim > 1:
            raise StoreError(f"a structured array with one axis was expected, got shape {array.shape}")
        prefix = f"{name}." if name else ""
        rows = array.reshape(-1)
        return [column for field in array.dtype.names for column in _plain(prefix + field, field, rows[field])]
    return _plain(name or "column", name, array)


def _plain(stem: str, whole: str, array: np.ndarray[Any, Any]) -> list[Column]:
    """One axis is a column, two are several; ``stem`` names them with a number, ``whole`` a single one without."""
    if array.dtype.kind not in "biufcmMUS":
        raise StoreError(f"numbers, times or texts were expected, got an array of type {array.dtype}")
    if array.ndim > 2:
        raise StoreError(f"one axis or two were expected, got shape {array.shape}: reshape it to rows and columns")
    is_float = array.dtype.kind == "f"
    if array.ndim < 2:
        return [Column(stem if whole else f"{stem}0", array.reshape(-1), is_float)]
    separator = "_" if whole else ""
    return [Column(f"{stem}{separator}{place}", array[:, place], is_float) for place in range(array.shape[1])]


def _converter(column: Column) -> Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """What makes values into an array of a type that the engine takes."""
    # Late, as above; here it is installed.
    import numpy as np  # noqa: PLC0415

    kind, dtype = column.values.dtype.kind, column.values.dtype
    if kind == "f":
        wanted: Any = {2: np.float32, 4: np.float32}.get(dtype.itemsize, np.float64)
        return lambda values: np.ascontiguousarray(values, dtype=wanted)
    if kind == "M":
        nanoseconds = np.datetime_data(dtype)[0] in ("ns", "ps", "fs", "as")
        return lambda values: np.ascontiguousarray(values, dtype=f"datetime64[{'ns' if nanoseconds else 'us'}]")
    if kind == "m":
        return lambda values: np.ascontiguousarray(values / np.timedelta64(1, "s"), dtype=np.float64)
    if kind in "bui":
        return lambda values: np.ascontiguousarray(values, dtype=dtype.newbyteorder("="))
    if kind == "S":
        return lambda values: np.array([value.decode("utf-8", "backslashreplace") for value in values], dtype=object)
    return lambda values: np.array([str(value) for value in values], dtype=object)
