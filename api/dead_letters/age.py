"""`older_than` and `younger_than` of parked units, as moments; used by the lists and by bulk actions."""

from dataclasses import dataclass
from datetime import UTC, datetime

from perdure.contract.duration import parse_duration


@dataclass(frozen=True, slots=True)
class ParkedWhen:
    """When a unit that is meant was parked, as somebody said it; None: whenever."""

    since: datetime | None
    until: datetime | None
    older_than: str | None
    younger_than: str | None

    @property
    def never(self) -> str | None:
        """Which of the fields makes that nothing can have been parked then."""
        if self.since is not None and self.until is not None and self.since >= self.until:
            return "until"
        if self.older_than is None or self.younger_than is None:
            return None
        return "younger_than" if parse_duration(self.older_than) >= parse_duration(self.younger_than) else None

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """At or after which moment, and before which, as of now."""
        now = datetime.now(UTC)
        begins = [self.since] if self.younger_than is None else [self.since, now - parse_duration(self.younger_than)]
        ends = [self.until] if self.older_than is None else [self.until, now - parse_duration(self.older_than)]
        known_begins = [moment for moment in begins if moment is not None]
        known_ends = [moment for moment in ends if moment is not None]
        return max(known_begins, default=None), min(known_ends, default=None)


NEVER = {
    "until": "it is not after since: nothing can have been parked between them",
    "younger_than": "it is not longer than older_than: nothing can have been parked between them",
}
"""What to say of a field that `never` names."""
