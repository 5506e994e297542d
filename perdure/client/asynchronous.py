"""The asyncio client: the same calls as `PerdureClient`, awaited."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from perdure.client import audit, bulk
from perdure.client import call as calls
from perdure.client import dead_letter as parked
from perdure.client import decision as decisions
from perdure.client import key as keys
from perdure.client.connection import Connection, Exchange
from perdure.client.diagnosis import JobDiagnosis, diagnose
from perdure.client.error import ClientError
from perdure.client.key import Key, KeyPage, Me, NewKey
from perdure.client.patience import Patience
from perdure.client.view import Batch, Decision, DryRun, Job, JobPage, JournalPage, Submission
from perdure.contract.spec import JobSpec

T = TypeVar("T")


class AsyncPerdureClient:
    """One API and one key. Every method raises the errors of `perdure.client.error`.

    Raises:
        ValueError: `server` is not an http(s) URL, or the key is malformed.
    """

    def __init__(self, server: str, *, api_key: str | None = None) -> None:
        self._connection = Connection(server, api_key)
        self._http = httpx.AsyncClient(**self._connection.options())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back; harmless when done before."""
        await self._http.aclose()

    async def exchange(self, call: calls.Call[T]) -> Exchange[T]:
        """Send a call of `perdure.client.call`; the result keeps the API's JSON as it came."""
        try:
            response = await self._http.request(**self._connection.arguments(call))
        except httpx.RequestError as error:
            raise self._connection.unreachable(error) from error
        return self._connection.exchange(call, response)

    async def submit(self, spec: calls.Spec, *, idempotency_key: str | None = None) -> Submission:
        """Submit a job; returns once Temporal has durably accepted it."""
        return (await self.exchange(calls.submit(spec, idempotency_key=idempotency_key))).value

    async def submit_batch(self, specs: Sequence[Mapping[str, Any] | JobSpec]) -> Batch:
        """Submit up to 1,000 jobs, each with its key as `id`; tells what became of each."""
        return (await self.exchange(calls.submit_batch(specs))).value

    async def dry_run(self, spec: calls.Spec, *, idempotency_key: str | None = None) -> DryRun:
        """Only ask whether a spec would be accepted; starts nothing, raises as `submit`."""
        return (await self.exchange(calls.dry_run(spec, idempotency_key=idempotency_key))).value

    async def get(self, job_id: str, *, strong: bool = False) -> Job:
        """The whole view of one job."""
        return (await self.exchange(calls.get_job(job_id, strong=strong))).value

    async def list(self, **query: Unpack[calls.JobQuery]) -> JobPage:
        """One page of jobs, newest first; `page.cursor` leads to the next."""
        return (await self.exchange(calls.list_jobs(**query))).value

    async def journal(self, job_id: str, *, limit: int | None = None, cursor: str | None = None) -> JournalPage:
        """One page of what happened to a job, oldest first."""
        return (await self.exchange(calls.journal(job_id, limit=limit, cursor=cursor))).value

    async def diagnose(self, job_id: str, *, events: int | None = None) -> JobDiagnosis:
        """Why a job is as it is, with so many journal events before and after the failure."""
        return (await self.exchange(diagnose(job_id, events=events))).value

    async def cancel(self, job_id: str, **why: Unpack[decisions.Why]) -> Decision:
        """Ask a job to stop."""
        return (await self.exchange(decisions.cancel(job_id, **why))).value

    async def terminate(self, job_id: str, **why: Unpack[decisions.Why]) -> Decision:
        """End a job at once (admins only): no step is asked to stop, nothing is compensated."""
        return (await self.exchange(decisions.terminate(job_id, **why))).value

    async def pause(self, job_id: str, **options: Unpack[decisions.Decided]) -> Decision:
        """Start no further step of a job until it is resumed."""
        return (await self.exchange(decisions.pause(job_id, **options))).value

    async def resume(self, job_id: str, **options: Unpack[decisions.Decided]) -> Decision:
        """Let a paused job go on."""
        return (await self.exchange(decisions.resume(job_id, **options))).value

    async def retry(self, job_id: str, **options: Unpack[decisions.Retried]) -> Decision:
        """Run what is parked of a dead-lettered job again: all, `steps`, or `from_step` and what comes after it."""
        return (await self.exchange(decisions.retry(job_id, **options))).value

    async def skip(
        self, job_id: str, step: str, output: Any, *, reason: str, idempotency_key: str | None = None
    ) -> Decision:
        """Let a parked step count as done with `output`."""
        return (
            await self.exchange(decisions.skip(job_id, step, output, reason, idempotency_key=idempotency_key))
        ).value

    async def discard(self, job_id: str, *, reason: str, idempotency_key: str | None = None) -> Decision:
        """Give a parked job up: what completed is compensated, then it ends FAILED."""
        return (await self.exchange(decisions.discard(job_id, reason, idempotency_key=idempotency_key))).value

    async def deliver(
        self, job_id: str, name: str, payload: Any = None, **options: Unpack[decisions.Decided]
    ) -> Decision:
        """Hand a payload to the `WAIT` step that waits, or will wait, for `name`."""
        return (await self.exchange(decisions.deliver(job_id, name, payload, **options))).value

    async def approve(
        self,
        job_id: str,
        decision: decisions.Verdict = "approve",
        *,
        step: str | None = None,
        **options: Unpack[decisions.Decided],
    ) -> Decision:
        """Approve or reject an `APPROVAL` step: `step`, or the one that waits."""
        return (await self.exchange(decisions.approve(job_id, decision, step=step, **options))).value

    async def resubmit(self, job_id: str, **options: Unpack[decisions.Resubmitted]) -> Submission:
        """Start a new job that does a closed one again, from its start or `from_step` on."""
        return (await self.exchange(decisions.resubmit(job_id, **options))).value

    async def dead_letters(self, **query: Unpack[parked.ParkedQuery]) -> parked.DeadLetterPage:
        """One page of jobs with something parked, the last parked first."""
        return (await self.exchange(parked.list_dead_letters(**query))).value

    async def dead_letter_groups(self, **query: Unpack[parked.GroupQuery]) -> parked.GroupPage:
        """One page of kinds of failure, the most frequent first; with `state` also of what was brought home."""
        return (await self.exchange(parked.list_groups(**query))).value

    async def dead_letter(self, job_id: str) -> parked.DeadLetter:
        """One parked job with its full context."""
        return (await self.exchange(parked.get_dead_letter(job_id))).value

    async def retrying(self, **query: Unpack[parked.RetryingQuery]) -> parked.RetryingPage:
        """One page of jobs that fail but live, with what is attempted again, and when."""
        return (await self.exchange(parked.list_retrying(**query))).value

    async def retry_now(self, job_id: str, *, reason: str, steps: Sequence[str] = ()) -> Decision:
        """Begin the next attempt of what is being retried (all of it, or `steps`) at once."""
        return (await self.exchange(parked.retry_now(job_id, reason, steps))).value

    async def give_up(self, job_id: str, steps: Sequence[str], *, reason: str) -> Decision:
        """Make no further attempt of these: each fails for good, and is caught or parked."""
        return (await self.exchange(parked.give_up(job_id, reason, steps))).value

    async def preview_bulk_action(
        self, action: str, *, reason: str, **options: Unpack[bulk.BulkOptions]
    ) -> bulk.BulkDryRun:
        """How many parked jobs a bulk action (retry, skip, discard) would be about, and some of them."""
        return (await self.exchange(bulk.preview(bulk.wanted(action, reason, options)))).value

    async def start_bulk_action(
        self, action: str, *, reason: str, idempotency_key: str | None = None, **options: Unpack[bulk.BulkOptions]
    ) -> bulk.BulkAction:
        """Retry, skip or discard many parked jobs: `ids`, or all that `filter` means now."""
        fields = bulk.wanted(action, reason, options)
        return (await self.exchange(bulk.start(fields, idempotency_key=idempotency_key))).value

    async def bulk_action(self, action_id: str) -> bulk.BulkAction:
        """How far a bulk action is."""
        return (await self.exchange(bulk.get_action(action_id))).value

    async def bulk_actions(self, *, limit: int | None = None, cursor: str | None = None) -> bulk.BulkActionPage:
        """One page of bulk actions, newest first."""
        return (await self.exchange(bulk.list_actions(limit=limit, cursor=cursor))).value

    async def bulk_action_items(
        self, action_id: str, *, status: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> bulk.BulkItemPage:
        """One page of the jobs of a bulk action, with what became of each."""
        return (await self.exchange(bulk.list_items(action_id, status=status, limit=limit, cursor=cursor))).value

    async def abort_bulk_action(self, action_id: str, *, reason: str) -> bulk.BulkAction:
        """Send no more decisions; those that were sent stay."""
        return (await self.exchange(bulk.abort(action_id, reason))).value

    async def audit_entries(self, **query: Unpack[audit.AuditQuery]) -> audit.AuditPage:
        """One page of what was done or refused at the API itself, newest first."""
        return (await self.exchange(audit.list_entries(**query))).value

    async def me(self) -> Me:
        """Whose key this client sends."""
        return (await self.exchange(keys.me())).value

    async def create_key(self, name: str, role: str, **options: Unpack[keys.KeyOptions]) -> NewKey:
        """Make a key (admins only); its secret is in `key`, this once."""
        return (await self.exchange(keys.create_key(name, role, **options))).value

    async def list_keys(self, *, limit: int | None = None, cursor: str | None = None) -> KeyPage:
        """One page of keys (admins only), newest first."""
        return (await self.exchange(keys.list_keys(limit=limit, cursor=cursor))).value

    async def rotate_key(self, key_id: str, *, grace: str | None = None, expires_in: str | None = None) -> NewKey:
        """Give a key a new secret (admins only); the old one counts for `grace`, or no more."""
        return (await self.exchange(keys.rotate_key(key_id, grace=grace, expires_in=expires_in))).value

    async def revoke_key(self, key_id: str, *, reason: str | None = None) -> Key:
        """End a key for good (admins only)."""
        return (await self.exchange(keys.revoke_key(key_id, reason=reason))).value

    async def watch(self, job_id: str, *, timeout: float | None = None) -> AsyncIterator[Job]:  # noqa: ASYNC109  the limit shapes the delays
        """The job now and at every change, until it has ended. Bears an API that restarts meanwhile.

        Raises:
            StillOpenError: `timeout` seconds have passed and the job has not ended.
        """
        patience = Patience(timeout)
        while True:
            try:
                job = await self.get(job_id)
            except ClientError as error:
                patience.troubled(error)
            else:
                if patience.looked(job):
                    yield job
                if job.final:
                    return
            await asyncio.sleep(patience.delay())

    async def wait(self, job_id: str, *, timeout: float | None = None) -> Job:  # noqa: ASYNC109  as in watch
        """The job once it has ended, however it did.

        Raises:
            StillOpenError: `timeout` seconds have passed and the job has not ended.
        """
        return [job async for job in self.watch(job_id, timeout=timeout)][-1]

    async def watch_bulk_action(
        self,
        action_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  as in watch
    ) -> AsyncIterator[bulk.BulkAction]:
        """The action now and at every change, until it has ended; as `watch`."""
        patience = Patience(timeout)
        while True:
            try:
                action = await self.bulk_action(action_id)
            except ClientError as error:
                patience.troubled(error)
            else:
                if patience.looked(action):
                    yield action
                if action.final:
                    return
            await asyncio.sleep(patience.delay())

    async def wait_bulk_action(
        self,
        action_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  as in watch
    ) -> bulk.BulkAction:
        """The action once it has ended, however it did; raises as `watch`."""
        async for action in self.watch_bulk_action(action_id, timeout=timeout):
            last = action
        return last
