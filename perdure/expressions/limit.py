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

SCHEMA_BYTES = 64 * 1024
"""A JSON Schema as compact JSON, and all of a job together: what it costs to know one is up to 8 µs a character."""

SCHEMA_NODES = 1_000
"""Subschemas in it: what they cost is found out in Python."""

SCHEMA_DEPTH = 64
"""Levels of a payload that is checked."""

SCHEMA_CHAIN = 32
"""Subschemas that apply to one value one in another: the library recurses through them."""

SCHEMA_PATTERNS = 20_000
"""Weight of all its patterns: compiling takes some 0.5 µs for each unit."""

SCHEMA_WORK = 1_500_000
"""Steps that checking one payload may take, each up to 0.2 µs, and thrice that to explain a failure."""
