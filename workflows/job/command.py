"""Reads the commands that signals and updates bring; whatever comes, the job goes on."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from perdure.contract.command import (
    ApproveCommand,
    CancelCommand,
    Command,
    DeliverCommand,
    DiscardCommand,
    GiveUpCommand,
    PauseCommand,
    RefusedPlace,
    ResumeCommand,
    RetryCommand,
    RetryNowCommand,
    SkipCommand,
)
from perdure.contract.model import first_problem
from perdure.contract.name import (
    COMMAND_APPROVE,
    COMMAND_CANCEL,
    COMMAND_DELIVER,
    COMMAND_DISCARD,
    COMMAND_GIVE_UP,
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_RETRY,
    COMMAND_RETRY_NOW,
    COMMAND_SKIP,
)

_PLACES = 10
_MEND = 500
SIGNALS: Mapping[str, type[Command]] = {
    COMMAND_RETRY: RetryCommand,
    COMMAND_SKIP: SkipCommand,
    COMMAND_DISCARD: DiscardCommand,
    COMMAND_DELIVER: DeliverCommand,
}
UPDATES: Mapping[str, type[Command]] = {
    **SIGNALS,
    COMMAND_PAUSE: PauseCommand,
    COMMAND_RESUME: ResumeCommand,
    COMMAND_CANCEL: CancelCommand,
    COMMAND_APPROVE: ApproveCommand,
    COMMAND_RETRY_NOW: RetryNowCommand,
    COMMAND_GIVE_UP: GiveUpCommand,
}


class RefusedError(ApplicationError):
    """A command that cannot be taken; `type` is the code the API answers with, `details` the places, where it has any.

    The note of a refused signal has the message alone: that of a path jobs have taken stays as it is.
    """

    def __init__(self, code: str, message: str, *places: RefusedPlace) -> None:
        details = (place.model_dump() for place in places[:_PLACES])
        super().__init__(message, *details, type=code, non_retryable=True)


def place(*at: str | int, mend: str) -> RefusedPlace:
    """What of a command is refused, and how to mend it."""
    return RefusedPlace(at=list(at), message=mend[:_MEND])


def parse_signal(name: str, args: Sequence[RawValue]) -> Command:
    """The command that a signal brings. Raises RefusedError for everything that is not one."""
    return _parse("signal", SIGNALS, name, args)


def parse_update(name: str, args: Sequence[RawValue]) -> Command:
    """The command that an update brings. Raises RefusedError for everything that is not one."""
    return _parse("update", UPDATES, name, args)


def _parse(kind: str, known: Mapping[str, type[Command]], name: str, args: Sequence[RawValue]) -> Command:
    model = known.get(name)
    if model is None:
        text = f"a job takes no {kind} {name[:100]!r}; it takes {', '.join(known)}"
        raise RefusedError("API.COMMAND_UNKNOWN", text)
    if len(args) > 1:
        raise RefusedError("API.VALIDATION", f"{name} takes one JSON object, not {len(args)} arguments")
    try:
        return model.model_validate_json(_json(args))
    except ValidationError as problem:
        raise RefusedError("API.VALIDATION", first_problem(problem)[:300]) from None


def _json(args: Sequence[RawValue]) -> bytes:
    # No argument, `null` and `{}` are the same.
    if not args:
        return b"{}"
    payload = args[0].payload
    is_null = payload.metadata.get("encoding", b"") == b"binary/null" or payload.data == b"null"
    return b"{}" if is_null else payload.data
