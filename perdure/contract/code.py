"""Every stable error code with its class, meaning and remedy; docs/reference/errors.md is made from it.

A `FAIL` step may fail with any code of its author's; those are not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from perdure.contract.error import ErrorClass

_P, _T = ErrorClass.PERMANENT, ErrorClass.TRANSIENT


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """What a code means. `title` is one line; `remedy` says what a person can do about it."""

    error_class: ErrorClass
    title: str
    remedy: str


_BODY = {
    "API.BODY_INVALID": CodeInfo(_P, "The body is not acceptable JSON", "Mend the places in `errors`."),
    "API.BODY_TOO_LARGE": CodeInfo(
        _P, "The body is too large", "Keep large data elsewhere and pass a link (PERDURE_BODY_LIMIT_BYTES)."
    ),
    "API.BODY_TIMEOUT": CodeInfo(
        _T, "The body did not arrive in time", "Send it faster (PERDURE_BODY_TIMEOUT_SECONDS), on a new connection."
    ),
    "API.BODY.EMPTY": CodeInfo(_P, "There is no body", "Send a JSON object."),
    "API.BODY.UTF8": CodeInfo(_P, "The body is not UTF-8", "Encode the body in UTF-8."),
    "API.BODY.SYNTAX": CodeInfo(_P, "The body is not JSON", "Mend the syntax at the line and column named."),
    "API.BODY.DEPTH": CodeInfo(_P, "Nested too deeply", "Nest at most 64 levels of lists and objects."),
    "API.BODY.DUPLICATE_FIELD": CodeInfo(
        _P, "A field occurs twice in one object", "Send it once: readers do not agree which one counts."
    ),
    "API.BODY.NUMBER": CodeInfo(
        _P,
        "A number that not every reader keeps exactly",
        "Send integers beyond ±(2^53-1), longer decimals, NaN and Infinity as strings (or null).",
    ),
    "API.BODY.NUL": CodeInfo(_P, "Text contains NUL", "Leave \\u0000 out: databases cannot hold it."),
    "API.BODY.SURROGATE": CodeInfo(
        _P, "Text contains half a character", "Send surrogate escapes in pairs, or the character itself."
    ),
    "API.CONTENT_TYPE": CodeInfo(_P, "The body is not declared as JSON", "Send Content-Type: application/json."),
}

_FIELD = {
    "API.VALIDATION": CodeInfo(_P, "The request is not valid", "Mend every place named in `errors`."),
    "API.FIELD.MISSING": CodeInfo(_P, "A required field is missing", "Add the field."),
    "API.FIELD.UNKNOWN": CodeInfo(_P, "There is no such field", "Correct its name or leave it out."),
    "API.FIELD.TYPE": CodeInfo(_P, "A value of another type", 'Send the type named; "5" is not 5.'),
    "API.FIELD.VALUE": CodeInfo(_P, "A value that is not allowed", "Send a value of the form named."),
    "API.FIELD.LIMIT": CodeInfo(_P, "A value beyond its limit", "Stay within the limit named."),
    "API.PARAMETER.UNKNOWN": CodeInfo(_P, "There is no such query parameter", "Correct its name or leave it out."),
    "API.PARAMETER.VALUE": CodeInfo(_P, "A query parameter or header is not valid", "Send the form named."),
    "API.PARAMETER.REPEATED": CodeInfo(_P, "A query parameter or header occurs twice", "Send it once."),
    "API.PARAMETER.ENCODING": CodeInfo(
        _P, "The query string is not percent-encoded UTF-8", "Encode it as UTF-8, without NUL."
    ),
}

_SPEC = {
    "API.SPEC.STEP_REPEATED": CodeInfo(_P, "Two steps have the same id", "Give every step an id of its own."),
    "API.SPEC.STEP_UNKNOWN": CodeInfo(_P, "There is no step of that id", "Correct the id, or add the step."),
    "API.SPEC.STEP_SELF_DEPENDENCY": CodeInfo(_P, "A step waits for itself", "Take it out of its depends_on."),
    "API.SPEC.CYCLE": CodeInfo(_P, "Steps wait for each other in a circle", "Take one dependency out."),
    "API.SPEC.STEP_TYPE_UNKNOWN": CodeInfo(_P, "There is no such step type", "Use a type of the catalogue."),
    "API.SPEC.PARAMETER": CodeInfo(_P, "A step type does not take these parameters", "See the step type's parameters."),
    "API.SPEC.EXPRESSION": CodeInfo(
        _P,
        "An expression cannot be read, or refers to what is not there",
        "Mend it; a step may refer only to steps that surely ended before it.",
    ),
    "API.SPEC.DEPENDENT": CodeInfo(
        _P, "A dependent cannot be named so", "Give each dependent a name of its own, and no id."
    ),
    "API.SPEC.LIMIT": CodeInfo(_P, "The spec is beyond a limit", "Send less, or split the job."),
}

_REQUEST = {
    "API.IDEMPOTENCY_KEY_REUSED": CodeInfo(
        _P, "The key was used for another spec", "Use a new key for a new job; the old one keeps its job."
    ),
    "API.IDEMPOTENCY_KEY_MISMATCH": CodeInfo(
        _P, "Header and body name different keys", "Send Idempotency-Key or `id`, or both alike."
    ),
    "API.LEDGER_UNAVAILABLE": CodeInfo(
        _T, "Whether the key was used cannot be known now", "Send the same request again after Retry-After."
    ),
    "API.UNAUTHENTICATED": CodeInfo(
        _P, "No valid API key", "Send Authorization: Bearer <key> (or X-API-Key) with a valid key."
    ),
    "API.FORBIDDEN": CodeInfo(_P, "The key may not do this", "Use a key with the role named."),
    "API.CROSS_SITE": CodeInfo(
        _P,
        "Not asked by a page of this server",
        "Use the dashboard at the server's own address (behind a proxy: pass Host on); programs send the key itself.",
    ),
    "API.NOT_FOUND": CodeInfo(_P, "There is no such thing", "Check the id or path, and the key's tenant."),
    "API.METHOD_NOT_ALLOWED": CodeInfo(_P, "The path does not take this method", "Use one of those in Allow."),
    "API.CONFLICT": CodeInfo(_P, "The state of things does not allow this", "Look at the job or key first."),
    "API.JOB_NOT_PARKED": CodeInfo(_P, "No such step of the job is parked", "Retry takes dead-lettered steps only."),
    "API.JOB_CLOSED": CodeInfo(_P, "The job has ended or is ending", "Nothing can be decided about it any more."),
    "API.JOB_OPEN": CodeInfo(
        _P, "The job has not ended", "Retry, skip or discard its parked steps; only what has ended is resubmitted."
    ),
    "API.STEP_UNKNOWN": CodeInfo(_P, "The job has no such step", "Correct the step id."),
    "API.COMMAND_UNKNOWN": CodeInfo(_P, "A job takes no such command", "See the signals and updates of a job."),
    "API.JOB_NOT_PAUSED": CodeInfo(_P, "The job is not paused", "There is nothing to resume."),
    "API.STEP_NOT_RETRYING": CodeInfo(
        _P, "The step does not wait for another attempt", "Look at the job: it may run, be parked, or be paused."
    ),
    "API.STEP_RUNNING": CodeInfo(_P, "A step that would begin again is still open", "Wait for it, or cancel the job."),
    "API.FORCE_REQUIRED": CodeInfo(
        _P,
        "A step that must not run twice may have taken effect",
        "Find out whether it did: then skip it, or retry with `force` and a reason.",
    ),
    "API.NOTHING_WAITS": CodeInfo(_P, "No step waits, or will wait, for this", "Look at the job's open steps."),
    "API.PAYLOAD_INVALID": CodeInfo(_P, "The payload does not meet the step's schema", "Mend the place named."),
    "API.APPROVAL_NOT_ALLOWED": CodeInfo(
        _P, "This person may not decide the step", "Another person, with a role the step names, has to decide."
    ),
    "API.DECISION_TIMEOUT": CodeInfo(
        _T,
        "No worker took the decision in time",
        "It may still take effect: look at the job. Sending it again is harmless.",
    ),
    "API.UNAVAILABLE": CodeInfo(
        _T, "A part Perdure needs cannot be reached", "Send the request again after Retry-After; see /readyz."
    ),
    "API.INTERNAL": CodeInfo(
        ErrorClass.INTERNAL, "A fault in Perdure", "Report it with the request id; the server's log has the cause."
    ),
}

_STEP = {
    "STEP.PARAMETERS": CodeInfo(_P, "The resolved parameters do not fit the step", "Mend `with`, or its input."),
    "STEP.SECRET_MISSING": CodeInfo(
        _T, "The worker has no such secret", "Set PERDURE_SECRET_<NAME>, or put a file in PERDURE_SECRETS_DIR."
    ),
    "STEP.OUTPUT_TOO_LARGE": CodeInfo(_P, "The step's output is too large", "Return less, or a reference to it."),
    "STEP.OUTPUT_INVALID": CodeInfo(_P, "The step's output is not JSON", "Return JSON values only."),
    "STEP.TIMEOUT": CodeInfo(ErrorClass.TIMEOUT, "An attempt took too long", "Raise the step's `timeout`."),
    "STEP.TOTAL_TIMEOUT": CodeInfo(
        ErrorClass.TIMEOUT, "All attempts together took too long", "Raise the step's `total_timeout`."
    ),
    "STEP.FAILED": CodeInfo(_P, "A FAIL step failed, as it was asked to", "Nothing: it is meant."),
    "STEP.INTERNAL": CodeInfo(
        ErrorClass.INTERNAL, "The step's code raised an unexpected error", "See the worker's log; mend the step."
    ),
    "STEP.EFFECT_UNKNOWN": CodeInfo(
        ErrorClass.LOST,
        "An attempt of an at_most_once step was lost: it may have taken effect",
        "Find out whether it did: then skip the step with its output, or retry it with `force` and a reason.",
    ),
    "STEP.WAIT.TIMEOUT": CodeInfo(
        ErrorClass.TIMEOUT, "Nobody ended the wait in time", "Deliver and retry the step, or skip it with an output."
    ),
    "STEP.APPROVAL.REJECTED": CodeInfo(_P, "A person rejected the step", "Discard the job, or retry to ask again."),
    "STEP.JOB.FAILED": CodeInfo(_P, "The child job failed", "Look at the child; a retry starts another one."),
    "STEP.JOB.CANCELED": CodeInfo(_P, "The child job was canceled", "A retry starts another one."),
    "STEP.JOB.TIMED_OUT": CodeInfo(
        ErrorClass.TIMEOUT, "The child job timed out", "Raise the child's `timeout`; a retry starts another one."
    ),
    "STEP.JOB.TERMINATED": CodeInfo(_P, "The child job was terminated", "A retry starts another one."),
}

_HTTP = {
    "STEP.HTTP.4XX": CodeInfo(_P, "The partner refused the request", "Mend the request; it is not repeated."),
    "STEP.HTTP.5XX": CodeInfo(_T, "The partner failed", "It is repeated; see the partner if it goes on."),
    "STEP.HTTP.THROTTLED": CodeInfo(
        ErrorClass.THROTTLED, "The partner asked to wait (429 or 503)", "It is repeated when the partner says."
    ),
    "STEP.HTTP.CONNECT": CodeInfo(
        _T, "No connection to the partner: nothing was sent", "It is repeated; check host and network."
    ),
    "STEP.HTTP.DISCONNECTED": CodeInfo(
        _T,
        "The connection broke after the request was sent: it may have taken effect",
        "It is repeated, with the same Idempotency-Key; use `effect: at_most_once` where the partner knows none.",
    ),
    "STEP.HTTP.TIMEOUT": CodeInfo(
        ErrorClass.TIMEOUT, "The partner did not answer in time", "It is repeated; raise `with.timeout` if needed."
    ),
    "STEP.HTTP.BLOCKED": CodeInfo(
        _P,
        "The address is private and may not be reached",
        "Name the host in PERDURE_HTTP_ALLOWED_HOSTS, or set PERDURE_HTTP_ALLOW_PRIVATE.",
    ),
    "STEP.HTTP.RESPONSE_TOO_LARGE": CodeInfo(_P, "The response is too large", "Ask the partner for less."),
    "STEP.HTTP.EXPECT": CodeInfo(_P, "A status that `expect` does not name", "Extend `expect`, or mend the request."),
}

_ENGINE = {
    "ENGINE.EXPRESSION": CodeInfo(_P, "An expression has no value", "Mend the expression or its data."),
    "ENGINE.STATE_TOO_LARGE": CodeInfo(
        _P, "Spec, outputs and result are too large together", "Return references instead of large outputs."
    ),
    "ENGINE.INPUT_TOO_LARGE": CodeInfo(_P, "A step's resolved parameters are too large", "Pass less to the step."),
    "ENGINE.FAN_OUT_TOO_LARGE": CodeInfo(
        _P, "A fan-out has too many items", "Split the list over several jobs, or give each item more to do."
    ),
    "ENGINE.JOB_TIMEOUT": CodeInfo(ErrorClass.TIMEOUT, "The job ran longer than its `timeout`", "Raise it."),
    "ENGINE.FAILED": CodeInfo(
        ErrorClass.INTERNAL, "The workflow failed without a code", "See the workflow in the Temporal Web UI."
    ),
    "ENGINE.SPEC_INVALID": CodeInfo(_P, "A workflow was started with no job spec", "Submit jobs by the API."),
    "WORKER.LOST": CodeInfo(ErrorClass.LOST, "The attempt's worker was lost", "It is repeated elsewhere."),
    "WORKER.SHUTDOWN": CodeInfo(
        ErrorClass.LOST, "The worker was stopped while the step ran", "It is repeated elsewhere, at once."
    ),
    "WORKER.INTERRUPTED": CodeInfo(
        ErrorClass.LOST, "An operator reset the running activity in Temporal", "It is repeated at once."
    ),
    "WORKER.STORAGE": CodeInfo(
        _T,
        "External storage cannot keep or give a payload",
        "It is repeated; see that PERDURE_STORAGE_DIR is mounted, has room, and is the same everywhere.",
    ),
    "WORKER.STEP_TYPE_UNKNOWN": CodeInfo(
        _T, "The worker has no such step type", "Install the plugin on the workers of this queue."
    ),
    "CANCELED": CodeInfo(ErrorClass.CANCELED, "The job was canceled", "Nothing: it is meant."),
}

GROUPS: Mapping[str, Mapping[str, CodeInfo]] = MappingProxyType(
    {
        "Request bodies": _BODY,
        "Fields and parameters": _FIELD,
        "Job specs": _SPEC,
        "Requests": _REQUEST,
        "Steps": _STEP,
        "HTTP steps": _HTTP,
        "Engine and workers": _ENGINE,
    }
)
"""The codes as the reference shows them."""

CODES: Mapping[str, CodeInfo] = MappingProxyType(
    {code: info for group in GROUPS.values() for code, info in group.items()}
)
"""Every code by name."""
