"""What can go wrong with external storage; Temporal sees the code, as with any failure of ours."""

from temporalio.exceptions import ApplicationError

CODE = "WORKER.STORAGE"


class StorageError(ApplicationError):
    """A payload could not be kept or fetched now. It is tried again: the message says what a person must mend."""

    def __init__(self, message: str) -> None:
        super().__init__(message, type=CODE)


class StorageUnavailableError(StorageError):
    """The storage as a whole is away, full, or not ours to use: nothing is known of the payload."""


class PayloadLostError(StorageError):
    """The storage is there; the payload is not, or is not what was kept."""
