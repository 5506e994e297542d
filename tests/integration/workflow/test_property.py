"""Whatever the job and whatever is done to it: one end, in order, undone once each, and every history replays."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    Replayer,
    UnsandboxedWorkflowRunner,
    Worker,
)

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.contract.execution import JobStart
from perdure.contract.journal import JournalType
from perdure.contract.name import JOB_WORKFLOW, task_queue
from perdure.contract.spec import JobSpec, effective
from perdure.contract.state import JobStatus
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.projection.decoder import decode_events
from perdure.projection.fold import fold_run, record
from perdure.settings import Settings
from tests.integration.workflow import history_check as check
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.random_job import Move, Plan, at, plans
from tests.server.partner import Partner, running_partner
from tests.server.temporal import running_temporal
from worker.queue_worker import workflow_runner
from workflows.job.workflow import Job

SEED = int(os.environ.get("PERDURE_PROPERTY_SEED", random.randrange(2**32)))
EXAMPLES = int(os.environ.get("PERDURE_PROPERTY_EXAMPLES", "3"))
AT_ONCE = 8
SANDBOXED = workflow_runner(Settings(workflow_sandbox=True))
ENDS = {
    JournalType.JOB_COMPLETED,
    JournalType.JOB_FAILED,
    JournalType.JOB_CANCELED,
    JournalType.JOB_TIMED_OUT,
    JournalType.JOB_TERMINATED,
}
REFUSED = (WorkflowUpdateFailedError, RPCError)

pytestmark = [
    pytest.mark.slow,
    # It would stand in the place of what failed.
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]


class Uneven(Interceptor):
    """Local tries take a while each, now more, now less, so that they do not end as they began."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Uneven(next)


class _Uneven(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        if activity.info().is_local:
            await asyncio.sleep(random.uniform(0, 0.03))
        return await super().execute_activity(input)


@pytest.fixture(scope="module")
def partner() -> Iterator[Partner]:
    with running_partner() as running:
        yield running


@pytest.fixture(scope="module")
async def benches() -> AsyncIterator[list[Bench]]:
    """Two workers. Jobs continue as new early.

    Their caches hold all jobs: with less the SDK itself stands still, see decision 0012.
    """
    with running_temporal(["limit.historyCount.suggestContinueAsNew=90"]) as address:
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        async with guarded_client(EgressPolicy.of(allow_private=True, allowed_hosts=[])) as http:
            runtime = StepRuntime(worker="test/1", http=http, secrets=SecretStore(os.environ))
            queues = [f"t{uuid4().hex[:12]}" for _ in range(2)]
            workers = [
                Worker(
                    client,
                    task_queue=task_queue(queue),
                    workflows=[Job],
                    activities=all_activities(runtime),
                    workflow_runner=UnsandboxedWorkflowRunner(),
                    interceptors=[Uneven()],
                    disable_eager_activity_execution=True,
                )
                for queue in queues
            ]
            async with workers[0], workers[1]:
                yield [Bench(client, queue) for queue in queues]


@seed(SEED)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(jobs=st.lists(plans(), min_size=AT_ONCE, max_size=AT_ONCE))
async def test_any_job_ends_once_in_order_undone_and_replays(
    benches: list[Bench], partner: Partner, jobs: list[Plan]
) -> None:
    note(f"seed {SEED}")
    runs = await asyncio.gather(
        *(see_through(benches[number % 2], partner, plan) for number, plan in enumerate(jobs)), return_exceptions=True
    )
    problems = [
        f"{number}: {type(run).__name__}: {run}\nin {plan.told()}"
        for number, (run, plan) in enumerate(zip(runs, jobs, strict=True))
        if isinstance(run, BaseException)
    ]
    assert not problems, f"seed {SEED}\n" + "\n\n".join(problems)
    every = [history for run in runs if isinstance(run, list) for history in run]
    for runner in (UnsandboxedWorkflowRunner(), SANDBOXED):
        replayer = Replayer(workflows=[Job], data_converter=pydantic_data_converter, workflow_runner=runner)
        for history in every:
            await replayer.replay_workflow(history)


async def see_through(bench: Bench, partner: Partner, plan: Plan) -> list[WorkflowHistory]:
    """Run a job with all that is done to it, then end it if it has not ended; check it; its histories."""
    name = uuid4().hex[:12]
    base = f"{partner.url}/{name}"
    partner.answers |= {f"/{name}/{path}": list(answers) for path, answers in plan.answers.items()}
    body = at({"name": "test", "steps": plan.steps, **plan.fields}, base, bench.queue)
    spec = effective(JobSpec.model_validate(body | {"queue": bench.queue}, strict=False))
    handle: Handle = await bench.client.start_workflow(
        JOB_WORKFLOW, JobStart(spec=spec, tenant="default"), id=f"default:{name}", task_queue=task_queue(bench.queue)
    )
    moves = [asyncio.create_task(do(handle, move)) for move in plan.moves]
    await asyncio.wait_for(end(handle), 120)
    await asyncio.gather(*moves)
    histories = await check.histories(bench.client, handle.id)
    runs = [history for history in histories if history.workflow_id == handle.id]
    check.check_closed_once(runs)
    for history in histories:
        check.check_no_task_failed(history)
    told = list(check.happenings(runs))
    check.check_order(spec, told)
    check_undone(spec, told, partner, name, plan.answers, check.final_status(runs[-1]))
    await check_folded(handle, runs[-1])
    return histories


async def check_folded(handle: Handle, last: WorkflowHistory) -> None:
    """What is shown of the job is what its workflow says of it."""
    state, journal = fold_run(handle.id, last.run_id, await decode_events(pydantic_data_converter, last.events))
    said = await handle.query("state")
    shown = {step.id: (str(step.status), step.round) for step in record(state).steps}
    meant = {name: (each["status"], each["round"]) for name, each in said["steps"].items()}
    assert not {name: (shown[name], meant[name]) for name in meant if shown[name] != meant[name]}, handle.id
    assert state.closed is check.final_status(last)
    assert [row.type for row in journal if row.type in ENDS] == [journal[-1].type]


async def do(handle: Handle, move: Move) -> None:
    await asyncio.sleep(move.after / 1_000)
    with suppress(*REFUSED):
        if move.name == "temporal cancel":
            await handle.cancel()
        elif move.signal:
            await handle.signal(move.name, args=move.args)
        else:
            await handle.execute_update(move.name, args=move.args)


async def end(handle: Handle) -> None:
    """Let it work; then give up what is parked, and go on where it is paused, until it has ended."""
    for _ in range(20):
        await asyncio.sleep(0.05)
        if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
            return
    while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
        for command in ("resume", "discard"):
            with suppress(*REFUSED):
                await handle.execute_update(command, {"actor": "the end"})
        await asyncio.sleep(0.1)


def check_undone(  # noqa: PLR0917  what it compares
    spec: JobSpec,
    told: list[check.Happening],
    partner: Partner,
    name: str,
    answers: dict[str, list[int]],
    status: JobStatus,
) -> None:
    """Each completed unit was undone once if the job ended badly, newest first; no other unit ever."""
    keys = [key for path, keys in partner.keys.items() if path.startswith(f"/{name}/undo-") for key in keys]
    undoes = [(what, unit.removesuffix(".compensate")) for what, unit, _ in told if unit.endswith(".compensate")]
    undone = [unit for what, unit in undoes if what == "ended"]
    given_up = [unit for what, unit in undoes if what == "given"]
    if status in {JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS}:
        assert not keys
        return
    expected = check.to_undo(spec, told)
    assert sorted(undone + given_up) == sorted(expected), f"undone {undone}, given up {given_up}, wanted {expected}"
    assert {unit for what, unit in undoes if what == "begun"} == expected
    for unit in undone:
        path = f"undo-{unit}"
        asked = [str(key).partition("#")[0] for key in partner.keys[f"/{name}/{path}"]]
        assert set(asked) == {f"default:{name}/{key_part(unit)}/compensate"}
        assert len(asked) == answers.get(path, [200]).index(200) + 1, f"{unit}: {asked}"
    check.check_reverse(told, undone)


def key_part(unit: str) -> str:
    step, _, index = unit.partition(".")
    return f"{step}[{index}]" if index else step
