"""A workflow that does what workflow code must not: it looks at the clock of its machine."""

from datetime import UTC, datetime

from temporalio import workflow


@workflow.defn
class Impure:
    @workflow.run
    async def run(self) -> str:
        return datetime.now(UTC).isoformat()
