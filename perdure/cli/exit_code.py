"""What `perdure` exits with (contract 11); used by every command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """0 ok; the rest says what kind of no it was, so that scripts need not read messages."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_AUTHORISED = 3
    NOT_FOUND = 4
    NOT_COMPLETED = 5
