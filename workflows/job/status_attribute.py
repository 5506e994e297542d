"""The search attribute `PerdureStatus`: set only while the job needs a person (contract 7)."""

from enum import StrEnum

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from perdure.contract.name import ATTRIBUTE_STATUS
from perdure.contract.state import JobStatus

_STATUS = SearchAttributeKey.for_keyword(ATTRIBUTE_STATUS)


class Need(StrEnum):
    """Why a job needs a person; the first that holds is shown."""

    PAUSED = JobStatus.PAUSED
    DEAD_LETTERED = JobStatus.DEAD_LETTERED
    WAITING = JobStatus.WAITING


class StatusAttribute:
    """Writes the attribute when what it shows changes."""

    def __init__(self) -> None:
        self._needs: set[Need] = set()

    def set(self, need: Need, *, holds: bool) -> None:
        """Say whether a need holds now."""
        before = self._shown()
        if holds:
            self._needs.add(need)
        else:
            self._needs.discard(need)
        shown = self._shown()
        if shown is not before:
            update = _STATUS.value_unset() if shown is None else _STATUS.value_set(shown.value)
            workflow.upsert_search_attributes([update])

    def holds(self, need: Need) -> bool:
        """Whether it was said to hold."""
        return need in self._needs

    def restore(self, need: Need) -> None:
        """Take over what an earlier run of the job has set: the attribute goes on as it is."""
        self._needs.add(need)

    def _shown(self) -> Need | None:
        return next((need for need in Need if need in self._needs), None)
