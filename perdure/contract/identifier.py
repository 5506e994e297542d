"""Job ids, step ids and keys: their forms, and how ids are put together (contract section 5)."""

import re

TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
KEY = re.compile(r"[A-Za-z0-9._:-]{1,200}", re.ASCII)
STEP_ID_FORM = r"^[a-z][a-z0-9_]{0,62}$"
STEP_TYPE_FORM = r"^[A-Z][A-Z0-9_]{0,62}$"
JOB_NAME_FORM = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$"
QUEUE_FORM = r"^[a-z0-9][a-z0-9-]{0,62}$"
LABEL_FORM = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$"
DEPENDENT_FORM = r"^[a-z][a-z0-9_-]{0,62}$"
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


def step_idempotency_key(id_: str, step_id: str, generation: int = 1) -> str:
    """The key a step hands to its partners: equal over attempts, rounds and workers."""
    return f"{id_}/{step_id}" if generation == 1 else f"{id_}/{step_id}#{generation}"


def dependent_id(parent: str, name: str, park: int = 1) -> str:
    """The job id of a dependent; those of a later park of the parent carry its number."""
    return f"{parent}~~{name}" if park == 1 else f"{parent}~~{name}.r{park}"
