"""What the query of the audit means: words to a filter, or the parameter that is wrong. Used by the route."""

from collections.abc import Iterable

from api.audit.schemas import AuditQuery
from api.problem import invalid
from perdure.contract.wording import listed, meant, quoted
from perdure.security.audit import AuditEvent
from perdure.security.principal import Principal
from perdure.store.audit import AuditFilter


def audit_filter(query: AuditQuery, principal: Principal) -> AuditFilter:
    """The entries a principal asks for, within its tenant.

    Raises:
        ApiError: API.VALIDATION naming the parameter.
    """
    if query.since is not None and query.until is not None and query.since >= query.until:
        message = "it is not after since: nothing can have happened between them"
        raise invalid("query.until", "API.PARAMETER.VALUE", message)
    return AuditFilter(
        tenant=principal.scope,
        types=_types(query.type),
        actor=query.actor,
        job_id=query.job_id,
        subject=query.subject,
        since=query.since,
        until=query.until,
    )


def _types(given: Iterable[str]) -> list[AuditEvent]:
    names, known = [name for part in given for name in part.split(",")], list(AuditEvent)
    for name in names:
        if name not in known:
            message = f"{quoted(name)} is no type of audit entry{meant(name, known)}. The types are {listed(known)}"
            raise invalid("query.type", "API.PARAMETER.VALUE", message)
    return [AuditEvent(name) for name in dict.fromkeys(names)]
