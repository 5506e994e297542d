"""The smallest workflows that a worker can run: one under the name of a job's, one that is none."""

from temporalio import workflow


@workflow.defn(name="Job")
class Tiny:
    """Naps so often; a negative number of times: waits for ever."""

    @workflow.run
    async def run(self, naps: int) -> None:
        await workflow.wait_condition(lambda: naps >= 0)
        for _ in range(naps):
            await workflow.sleep(0.01)

    @workflow.query
    def state(self) -> str:
        return "waiting"


@workflow.defn(name="NotAJob")
class Other:
    @workflow.run
    async def run(self, naps: int) -> None:
        for _ in range(naps):
            await workflow.sleep(0.01)


@workflow.defn(name="Job")
class Wedged:
    @workflow.run
    async def run(self, _: int) -> None:
        raise RuntimeError("this code has a mistake")
