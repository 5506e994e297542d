"""`python -m perdure.contract.code_reference`: print docs/reference/errors.md, made from `CODES`."""

import sys

from perdure.contract.code import GROUPS, CodeInfo
from perdure.contract.runbook import runbook

_OPENING = """# Error codes

Every error has a stable code. In answers of the API it is in `code` (and in each entry of `errors`), in jobs in
`error.code`. The class decides whether an attempt is repeated: TRANSIENT, THROTTLED, TIMEOUT, LOST and INTERNAL are,
PERMANENT and CANCELED are not. A FAIL step may fail with any code of its author's.

Made by `python -m perdure.contract.code_reference > docs/reference/errors.md`; do not edit.
"""


def render() -> str:
    """The document, as Markdown."""
    parts = [_OPENING]
    for group, codes in GROUPS.items():
        parts.append(f"\n## {group}\n\n| code | class | meaning | what to do |\n|---|---|---|---|\n")
        parts += [
            f"| `{code}` | {info.error_class} | {info.title} | {info.remedy}{_read(code, info)} |\n"
            for code, info in codes.items()
        ]
    return "".join(parts)


def _read(code: str, info: CodeInfo) -> str:
    path = runbook(code, info.error_class)
    return "" if path is None else f" [Runbook](../../{path})"


if __name__ == "__main__":
    sys.stdout.write(render())
