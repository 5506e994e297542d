"""Runs one scenario of the demo: submits the job, shows it, mends what is broken, gathers what happened."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from perdure.cli.demo.partner import Partner
from perdure.cli.demo.scenario import Check, Played, Scenario
from perdure.cli.demo.stage import Stage
from perdure.cli.demo.temporal_cli import retry_signal
from perdure.client import AsyncPerdureClient, Job, JournalEntry, NotFoundError, StillOpenError

PATIENCE = 30.0
"""Seconds a job of the demo may take."""
PARKED_PATIENCE = 5.0
"""Seconds until a parked job that was told to go on shows it."""
PROJECTION_PATIENCE = 5.0
"""Seconds until the journal shows how a job ended."""
JOURNAL_PAGE = 200


@dataclass(frozen=True, slots=True)
class Theatre:
    """What every scenario needs. `run` makes the job ids of this demo its own."""

    client: AsyncPerdureClient
    partner: Partner
    stage: Stage
    temporal_address: str
    run: str


async def play(scenario: Scenario, theatre: Theatre) -> tuple[Played, list[Check]]:
    """Play it to its end; what happened, and every check with whether it held."""
    key = f"demo-{theatre.run}-{scenario.key}"
    submission = await theatre.client.submit(scenario.spec(theatre.partner.url), idempotency_key=key)
    job_id, seen = submission.job.id, set[str]()
    job = await theatre.stage.show(_noting(_looks(theatre.client, job_id), seen))
    if job.parked and scenario.repair is not None:
        await _bring_home(scenario.repair, job_id, theatre)
        job = await theatre.stage.show(_noting(_looks(theatre.client, job_id, from_parked=True), seen))
    played = await _gather(scenario, job, frozenset(seen), theatre)
    return played, _judge(scenario, played)


async def _looks(client: AsyncPerdureClient, job_id: str, *, from_parked: bool = False) -> AsyncIterator[Job]:
    """The job at every change until it has ended, is parked, or the time is over."""
    loop = asyncio.get_running_loop()
    may_be_parked_until = loop.time() + (PARKED_PATIENCE if from_parked else 0)
    try:
        async for job in client.watch(job_id, timeout=PATIENCE):
            yield job
            if job.parked and loop.time() >= may_be_parked_until:
                return
    except StillOpenError:
        return


async def _noting(looks: AsyncIterator[Job], seen: set[str]) -> AsyncIterator[Job]:
    async for job in looks:
        seen.add(job.status)
        yield job


async def _bring_home(words: str, job_id: str, theatre: Theatre) -> None:
    theatre.stage.aside(words)
    theatre.partner.repair()
    command = retry_signal(theatre.temporal_address, job_id)
    theatre.stage.command(str(command))
    complaint = await command.run()
    if complaint is not None:
        theatre.stage.aside(f"That failed: {complaint}", "bold red")


async def _gather(scenario: Scenario, job: Job, seen: frozenset[str], theatre: Theatre) -> Played:
    children = await _children(scenario, job, theatre)
    journal = await _journal(job, theatre.client)
    calls = theatre.partner.received_from(job.id)
    return Played(job, seen, calls, journal, children, theatre.partner.most_at_once)


async def _journal(job: Job, client: AsyncPerdureClient) -> list[JournalEntry]:
    """What happened to the job. The projection may be a moment behind: its end is waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PROJECTION_PATIENCE
    while True:
        entries = (await client.journal(job.id, limit=JOURNAL_PAGE)).data
        if f"JOB_{job.status}" in {entry.type for entry in entries} or loop.time() >= deadline:
            return entries
        await asyncio.sleep(0.1)


async def _children(scenario: Scenario, job: Job, theatre: Theatre) -> dict[str, Job]:
    """The dependents that should have been started, each shown to its end; none where one was not."""
    found = {}
    for name in scenario.children:
        child = f"{job.id}~~{name}"
        theatre.stage.follow(f"Its dependent {child}:")
        try:
            found[name] = await theatre.stage.show(_looks(theatre.client, child))
        except NotFoundError:
            theatre.stage.aside(f"There is no job {child}.", "bold red")
    return found


def _judge(scenario: Scenario, played: Played) -> list[Check]:
    ended = played.job.status == scenario.expected
    words = f"the job ended {played.job.status}" + ("" if ended else f", not {scenario.expected}")
    return [Check(ended, words), *scenario.checks(played)]
