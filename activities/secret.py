"""Secrets of this worker, filled into a step's parameters just before it runs; they never leave the worker."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perdure.contract.error import ErrorClass
from perdure.contract.step_call import SecretPart, StepInput
from perdure.expressions import SecretRef, SecretSlot, fill_secrets
from perdure.steps.error import StepError

PREFIX = "PERDURE_SECRET_"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SecretStore:
    """Looks in the environment (`PERDURE_SECRET_<NAME>`) first, then for a file `<NAME>` in `directory`."""

    environment: Mapping[str, str]
    directory: Path | None = None

    def get(self, name: str) -> str:
        """The secret, read anew each time so that a rotated one is seen; one line break at its end is dropped.

        Raises:
            StepError: this worker does not have it. Another one may: the attempt is repeated.
        """
        found = self._find(name) if _NAME.fullmatch(name) else None
        if found is None:
            raise StepError(
                "STEP.SECRET_MISSING",
                ErrorClass.TRANSIENT,
                f"this worker has no secret {name[:100]!r}: set {PREFIX}{name[:100]} in its environment, or put a file "
                "of that name into its PERDURE_SECRETS_DIR",
            )
        return found

    def _find(self, name: str) -> str | None:
        if PREFIX + name in self.environment:
            return self.environment[PREFIX + name]
        if self.directory is None:
            return None
        try:
            text = (self.directory / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        return text.removesuffix("\n").removesuffix("\r")


def with_secrets(call: StepInput, lookup: Callable[[str], str]) -> Any:
    """The parameters with every secret in its place. Raises what `lookup` raises."""
    slots = [SecretSlot(tuple(slot.path), tuple(_part(part) for part in slot.parts)) for slot in call.secrets]
    return fill_secrets(call.params, slots, lookup)


def _part(part: SecretPart) -> str | SecretRef:
    return SecretRef(part.secret) if part.secret is not None else part.text or ""
