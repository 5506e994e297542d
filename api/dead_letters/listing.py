"""What the queries of dead letters mean: words to a filter, or the parameter that is wrong."""

from api.dead_letters.read_schemas import DeadLetterFilterQuery
from api.jobs.listing import read_labels, read_words
from api.problem import invalid
from perdure.security.principal import Principal
from perdure.store.dead_letter import DeadLetterFilter


def dead_letter_filter(query: DeadLetterFilterQuery, principal: Principal) -> DeadLetterFilter:
    """The parked units a principal asks for, within its tenant.

    Raises:
        ApiError: API.VALIDATION naming the parameter.
    """
    if query.since is not None and query.until is not None and query.since >= query.until:
        message = "it is not after since: nothing can have been parked between them"
        raise invalid("query.until", "API.PARAMETER.VALUE", message)
    return DeadLetterFilter(
        tenant=principal.scope,
        error_code=query.error_code,
        error_class=None if query.error_class is None else query.error_class.value,
        fingerprint=query.fingerprint,
        http_status=query.http_status,
        step=query.step,
        type=query.type,
        queue=query.queue,
        labels=read_labels(query.label),
        since=query.since,
        until=query.until,
        words=read_words(query.q),
    )
