"""The killable process of `bounded`: `python -m perdure.expressions.child`.

Reads one request from stdin, `{"expression", "roots", "memory_bytes", "seconds"}`, and writes one answer to stdout,
`{"value"}` or `{"error": message}`, and `"usage": [CPU seconds, bytes]`.
"""

import json
import math
import resource
import sys

from perdure.expressions.compute import evaluate_compute
from perdure.expressions.error import ExpressionError
from perdure.expressions.usage import own_usage

# What the interpreter and the binding take before any data.
_PROGRAM_BYTES = 96 * 1024 * 1024


def main() -> None:
    """Limit this process, evaluate, answer."""
    request = json.load(sys.stdin.buffer)
    _limit(resource.RLIMIT_AS, _PROGRAM_BYTES + int(request["memory_bytes"]))
    _limit(resource.RLIMIT_CPU, math.ceil(request["seconds"]) + 1)  # should whoever started us be gone
    _limit(resource.RLIMIT_CORE, 0)
    try:
        answer = {"value": evaluate_compute(request["expression"], request["roots"], anywhere=True)}
    except ExpressionError as error:
        answer = {"error": error.message}
    sys.stdout.write(json.dumps({**answer, "usage": own_usage()}))


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    main()
