"""What was done or refused at the API itself; the database refuses to change or remove a row (decision 0030)."""

from sqlalchemy import BigInteger, Column, Identity, Index, Table, Text

from perdure.store.table.base import MOMENT, PAYLOAD, metadata

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("at", MOMENT, nullable=False, comment="When it happened; the row may have come later."),
    Column("type", Text, nullable=False),
    Column("tenant", Text, nullable=False, comment="Who may read it; `*`: who may read of every tenant."),
    Column("actor", Text, nullable=False),
    Column("actor_key_id", Text, comment="The key that the actor had."),
    Column("job_id", Text),
    Column("subject", Text, comment="Id of what it is about, where that is no job: a key, a bulk action."),
    Column("reason", Text, comment="Why, in the words of the actor."),
    Column("request_id", Text),
    Column("trace_id", Text),
    Column("data", PAYLOAD, nullable=False, comment="More facts; never a secret or a payload."),
)

_NEWEST = (audit_entries.c.at.desc(), audit_entries.c.seq.desc())
Index("audit_entries_newest_idx", *_NEWEST)
for _name in ("tenant", "type", "actor"):
    Index(f"audit_entries_{_name}_newest_idx", audit_entries.c[_name], *_NEWEST)
for _name in ("job_id", "subject"):
    _there = audit_entries.c[_name].is_not(None)
    Index(f"audit_entries_{_name}_newest_idx", audit_entries.c[_name], *_NEWEST, postgresql_where=_there)
