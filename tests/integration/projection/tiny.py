"""The smallest workflows that a worker can run: one under the name of a job's, one that is none."""

from temporalio import workflow


@workflow.defn(name="Job")
class Tiny:
    @workflow.run
    async def run(self, naps: int) -> None:
        for _ in range(naps):
            await workflow.sleep(0.01)


@workflow.defn(name="NotAJob")
class Other:
    @workflow.run
    async def run(self, naps: int) -> None:
        for _ in range(naps):
            await workflow.sleep(0.01)
