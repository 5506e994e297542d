"""Which error codes a pattern names (`STEP.HTTP.*`): `non_retryable_errors` in the wrapper, `catch` in the workflow."""


def matches(pattern: str, code: str) -> bool:
    """Whether `code` has the form of `pattern`: `*` stands for any characters, also none; all else for itself.

    Takes at most len(pattern) × len(code) steps whatever the pattern is, so that nobody can stall a workflow task.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return code == pattern
    *middle, last = rest
    end = len(code) - len(last)
    if not (code.startswith(first) and code.endswith(last)) or end < len(first):
        return False
    at = len(first)
    for part in middle:
        # The leftmost place leaves the most room for the parts after it, so no other needs to be tried.
        found = code.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
