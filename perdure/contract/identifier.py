"""Job ids, step ids and keys: their forms, and how ids are put together (contract section 5)."""

import re
from typing import NamedTuple

TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
KEY = re.compile(r"[A-Za-z0-9._:-]{1,200}", re.ASCII)
STEP_ID_FORM = r"^[a-z][a-z0-9_]{0,62}$"
STEP_TYPE_FORM = r"^[A-Z][A-Z0-9_]{0,62}$"
JOB_NAME_FORM = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$"
QUEUE_FORM = r"^[a-z0-9][a-z0-9-]{0,62}$"
LABEL_FORM = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$"
DEPENDENT_FORM = r"^[a-z][a-z0-9_-]{0,62}$"
ERROR_CODE_FORM = r"^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"
DEFAULT_TENANT = "default"


def job_id(tenant: str, key: str) -> str:
    """The job id, which is the Temporal workflow id.

    Raises:
        ValueError: the tenant or the key does not have its form.
    """
    if TENANT.fullmatch(tenant) is None:
        raise ValueError("a tenant is 1-40 of a-z, 0-9 and -, starting with a letter or digit")
    if KEY.fullmatch(key) is None:
        raise ValueError("a job key is 1-200 of A-Z, a-z, 0-9 and . _ : -")
    return f"{tenant}:{key}"


def tenant_of(id_: str) -> str:
    """The tenant part of a job id."""
    return id_.split(":", 1)[0]


_COMPENSATE = "compensate"
_UNIT = re.compile(
    rf"(?P<step>[a-z][a-z0-9_]{{0,62}})(\.(?P<index>0|[1-9][0-9]{{0,5}}))?(?P<undo>\.{_COMPENSATE})?", re.ASCII
)


class UnitId(NamedTuple):
    """What has rounds and attempts of its own: a step, an item of its fan-out, or the compensation of either."""

    step: str
    index: int | None = None  # type: ignore[assignment]  # nobody asks a unit id for tuple.index
    compensates: bool = False

    def __str__(self) -> str:
        """As it stands in activity ids, summaries, notes and decisions: `fetch`, `fetch.7`, `fetch.7.compensate`."""
        item = "" if self.index is None else f".{self.index}"
        return f"{self.step}{item}{f'.{_COMPENSATE}' if self.compensates else ''}"


def parse_unit_id(text: str) -> UnitId | None:
    """The reverse of `str(UnitId)`; None for anything else."""
    found = _UNIT.fullmatch(text)
    if found is None:
        return None
    index = found["index"]
    return UnitId(found["step"], None if index is None else int(index), found["undo"] is not None)


def step_idempotency_key(id_: str, unit: UnitId, generation: int = 1) -> str:
    """The key a step hands to its partners: equal over attempts, rounds and workers.

    `{job}/{step}`, items `{job}/{step}[{index}]`, compensations with `/compensate` after it; a later generation
    (after a patch or a `from_step`) ends in `#2`.
    """
    item = "" if unit.index is None else f"[{unit.index}]"
    undo = f"/{_COMPENSATE}" if unit.compensates else ""
    return f"{id_}/{unit.step}{item}{undo}{'' if generation == 1 else f'#{generation}'}"


def child_id(parent: str, step: str, index: int | None = None, round_: int = 1) -> str:
    """The job id of a `JOB` step's child: `{parent}~{step}`, items `.{index}`, later rounds `.r{round}`."""
    item = "" if index is None else f".{index}"
    return f"{parent}~{step}{item}{'' if round_ == 1 else f'.r{round_}'}"


def dependent_id(parent: str, name: str, park: int = 1) -> str:
    """The job id of a dependent; those of a later park of the parent carry its number."""
    return f"{parent}~~{name}" if park == 1 else f"{parent}~~{name}.r{park}"
