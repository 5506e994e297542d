"""What the queries of dead letters mean: words to a filter, or the parameter that is wrong."""

from api.dead_letters.age import NEVER, ParkedWhen
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
    when = ParkedWhen(query.since, query.until, query.older_than, query.younger_than)
    if when.never is not None:
        raise invalid(f"query.{when.never}", "API.PARAMETER.VALUE", NEVER[when.never])
    since, until = when.moments()
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
        since=since,
        until=until,
        words=read_words(query.q),
    )
