"""Reads and writes the files of external storage: whole or not at all, for their owner only; used by the driver."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from perdure.storage.error import PayloadLostError, StorageUnavailableError
from perdure.storage.place import Place, digest_of

MARKER = ".perdure-storage"
"""Lies in the storage directory: without it a file system that is not mounted would look like lost payloads."""

_OWNER_ONLY = 0o600
_REMEDY = "see PERDURE_STORAGE_DIR"


def prepare(root: Path) -> None:
    """Make the storage directory, for its owner only, or see that it can be used.

    Raises:
        StorageUnavailableError: it cannot be made, or written to.
    """
    with _told(f"the storage directory {root} cannot be used"):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        check(root)
        if not (root / MARKER).exists():
            _write(root / MARKER, b"payloads of Perdure jobs: see docs/guides/large-data.md\n")


def check(root: Path) -> None:
    """See, without changing anything, that `prepare` would succeed.

    Raises:
        OSError: it would not.
    """
    nearest = next(place for place in (root, *root.parents) if place.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(f"{nearest} is no directory")
    if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(f"no right to write in {nearest}")


def keep(root: Path, place: Place, content: bytes) -> None:
    """Write the payload, unless it is there already. Once this returns it survives a power cut.

    Raises:
        StorageUnavailableError: it cannot be written, for instance because the disk is full.
    """
    file = place.path(root)
    with _told(f"a payload of {len(content)} bytes cannot be kept in {root}"):
        _check_mounted(root)
        if _holds(file, place.digest):
            return
        try:
            _write(file, content)
        except FileNotFoundError:  # its directory is new, or was erased at this moment
            _make_directories(root, file.parent)
            _write(file, content)


def fetch(root: Path, place: Place) -> bytes:
    """The payload, as it was kept.

    Raises:
        StorageUnavailableError: the storage cannot be read.
        PayloadLostError: the file is not there, or has changed.
    """
    file = place.path(root)
    with _told(f"the payload {place.digest} cannot be read from {root}"):
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            _check_mounted(root)
            raise PayloadLostError(
                f"the payload {place.digest} is not in {file.parent}: it was erased, or another storage directory "
                f"was in use when it was kept; {_REMEDY}"
            ) from None
    if digest_of(content) != place.digest:
        raise PayloadLostError(f"the payload in {file} is damaged: its SHA-256 is not its name; restore the file")
    return content


def _holds(file: Path, digest: str) -> bool:
    try:
        return digest_of(file.read_bytes()) == digest
    except FileNotFoundError:
        return False


def _write(file: Path, content: bytes) -> None:
    part = file.with_name(f".{file.name[:32]}.{uuid4().hex}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with open(descriptor, "wb") as sink:  # noqa: PTH123  the descriptor is open already
            sink.write(content)
            sink.flush()
            os.fsync(sink.fileno())
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync(file.parent)


def _make_directories(root: Path, directory: Path) -> None:
    for made in (directory.parent, directory):
        made.mkdir(mode=0o700, exist_ok=True)
    _sync(directory.parent)
    _sync(root)


def _sync(directory: Path) -> None:
    """A name that is not on disk yet would be gone after a power cut, whatever the file holds."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_mounted(root: Path) -> None:
    if not (root / MARKER).exists():
        raise OSError(f"there is no {MARKER} in it: is its file system mounted?")


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise StorageUnavailableError(f"{what}: {problem.strerror or problem}; {_REMEDY}") from problem
