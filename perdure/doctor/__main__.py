"""`python -m perdure.doctor`: a `Subject` on standard input, a `Report` on standard output, both as JSON.

A process of its own, because it speaks with Temporal and Postgres, and the command line does not. Called by
`perdure doctor`.
"""

import asyncio
import os
import sys
import traceback

from perdure.doctor.examination import examine
from perdure.doctor.subject import Subject


def main() -> int:
    """Examine and report; the exit code is 0 whatever was found, 1 where the examination itself failed."""
    try:
        subject = Subject.model_validate_json(sys.stdin.buffer.read())
        report = asyncio.run(examine(subject, os.environ))
    except Exception:  # noqa: BLE001  whatever it is, the command shows it and ends
        traceback.print_exc()
        return 1
    sys.stdout.write(report.model_dump_json())
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's native threads sometimes abort a normal interpreter exit (sdk-python#300).
    os._exit(code)
