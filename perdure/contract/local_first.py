"""Steps that are tried once within the workflow task before they go to a task queue (architecture 4.4)."""

from perdure.contract.limit import KIB

LOCAL_OUTPUT_BYTES = {"LOG": 1 * KIB, "COMPUTE": 32 * KIB}
"""The step types that are cheap and pure, and what their output may take up in the workflow task.

Past it the step runs as a regular activity, with the regular limit.
"""

LOCAL_SECONDS = 1.0
"""A local try is given up after this: signals and updates of the job wait behind it."""

LOCAL_BATCH = 40
"""Local tries at the same time in one job."""

LOCAL_TRIES = 250
"""Local tries in one workflow task at most: one that its worker does not finish in 10 s is done again as a whole."""

NOT_COUNTED = frozenset({"STEP.TIMEOUT", "STEP.OUTPUT_TOO_LARGE"})
"""Failures of a local try that are due to its being local: the step then runs as if it had not been."""
