"""Which failures leave it open whether an attempt took effect: what `effect: at_most_once` turns on (contract 1).

The workflow asks before it repeats such a step by itself, and before a person may repeat it without `force`.
"""

from perdure.contract.error import ErrorClass, ErrorInfo

_OPEN_CLASSES = frozenset({ErrorClass.LOST, ErrorClass.TIMEOUT, ErrorClass.INTERNAL, ErrorClass.CANCELED})
"""The worker vanished, time ran out, the code broke off where nobody foresaw it, or was told to stop."""

_OPEN_CODES = frozenset(
    {
        "STEP.HTTP.DISCONNECTED",  # sent, and no answer
        "STEP.HTTP.RESPONSE_TOO_LARGE",  # answered, and not read
        "STEP.OUTPUT_TOO_LARGE",  # done: only the output is in the way, here and in those below
        "STEP.OUTPUT_INVALID",
        "ENGINE.STATE_TOO_LARGE",
        "WORKER.STORAGE",
    }
)
_WITHOUT_EFFECT = frozenset({"STEP.WAIT.TIMEOUT"})
_GATEWAY = frozenset({502, 504})
"""A gateway's word that it had no answer from the server behind it, which may have got the request."""


def effect_unknown(error: ErrorInfo) -> bool:
    """Whether an attempt that failed so may have taken effect.

    False where it surely did not: no connection, an answer that refuses (4xx, 5xx, 429), parameters or secrets that
    are missing, a worker without the step type. A step's own TRANSIENT, THROTTLED and PERMANENT errors are such
    answers too: a plugin that raises one says that nothing was done.
    """
    if error.code in _WITHOUT_EFFECT:
        return False
    return error.error_class in _OPEN_CLASSES or error.code in _OPEN_CODES or _answered_in_doubt(error)


def _answered_in_doubt(error: ErrorInfo) -> bool:
    if not error.code.startswith("STEP.HTTP."):
        return False
    status = error.details.get("status")
    # 2xx: a success all the same, which `expect` does not name.
    return isinstance(status, int) and (status in _GATEWAY or 200 <= status < 300)  # noqa: PLR2004  the family
