"""The bounds that keep expressions harmless; read by every module of this package.

A change here can change what a running job computes on replay: docs/decisions/0006-cel-for-expressions.md.
"""

EXPRESSION_LENGTH = 2_000
"""Characters of one expression."""

TEMPLATE_LENGTH = 65_536
"""Characters of all expressions of one template value: reading and first running one takes up to 20 µs a character.

Admission holds a whole job to it, so that no admitted template exceeds it.
"""

LEAST_LENGTH = 50
"""What an expression counts at least in TEMPLATE_LENGTH: the shortest takes some 300 µs when it is new."""

DATA_DEPTH = 100
"""Levels of lists and objects; the binding's own recursion dies near 900 on a 512 KiB stack."""

RESULT_BYTES = 1024 * 1024
"""Bytes of everything one template value resolves to."""

RESULT_NODES = 100_000
"""Values, counted with all they hold, that one computed result has."""

EXPRESSION_WORK = 250_000_000
"""Estimated nanoseconds one expression may take in this process: the binding holds the GIL meanwhile."""

TEMPLATE_WORK = 1_000_000_000
"""Estimated nanoseconds all expressions of one template value may take; Temporal gives a task 2 s."""

EXACT_INTEGER = 2**53 - 1
"""The largest integer every JSON reader keeps exactly."""
