"""What can go wrong with the embedded stack; raised by the package, shown by `perdure dev`."""


class StackError(Exception):
    """The stack cannot start or had to stop. The message says what is wrong, where, and how to mend it."""


class DataDirError(StackError):
    """The data directory is in use, belongs to somebody else, or cannot be written."""


class PortTakenError(StackError):
    """A port the stack was told to use is taken."""


class MissingPartError(StackError):
    """Something the stack is made of is not installed."""


class ServiceFailedError(StackError):
    """A service could not be started, or kept dying."""
