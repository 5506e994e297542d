"""What the API enters in the audit beside its own transactions, and how often; held by `api.state`."""

from api.audit.minute import Minutes
from api.audit.writer import AuditWriter
from perdure.security.audit import AuditEntry, tell

MOST_REFUSALS = 100
"""Entries a minute of what one key is refused."""


class AuditBook:
    """One an API process."""

    def __init__(self, writer: AuditWriter) -> None:
        self._writer = writer
        self._views, self._refusals = Minutes(), Minutes()

    async def done(self, entry: AuditEntry) -> None:
        """Enter what was done; it is committed when this returns, or as soon as Postgres is back."""
        await self._writer.write(entry)

    async def viewed(self, entry: AuditEntry) -> bool:
        """Enter a view of payloads before it is shown; the same view again within a minute is only logged.

        Returns:
            False where no more can be remembered until Postgres is back: then they are not to be shown.
        """
        what = (entry.job_id, *entry.data.values())
        if not self._views.first(_who(entry), what):
            tell(entry)
            return True
        taken = await self._writer.write(entry)
        if not taken:
            self._views.forget(_who(entry), what)
        return taken

    def refused(self, entry: AuditEntry) -> None:
        """Enter that somebody was refused; the same again within a minute, or very much, is only logged."""
        what = (entry.job_id, entry.subject, *(entry.data[name] for name in ("method", "route", "refusal")))
        if self._refusals.first(_who(entry), what, MOST_REFUSALS):
            self._writer.add(entry)
        else:
            tell(entry)

    async def close(self) -> None:
        """End, with the requests done."""
        await self._writer.close()


def _who(entry: AuditEntry) -> str:
    return entry.actor_key_id or entry.actor
