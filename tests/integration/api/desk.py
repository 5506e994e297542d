"""Jobs in every state, and decisions about them over HTTP; for the tests of decisions."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx

from perdure.contract.execution import JobStart
from perdure.contract.identifier import tenant_of
from perdure.contract.name import JOB_WORKFLOW, MEMO_SUBMITTED_BY, task_queue
from perdure.contract.spec import JobSpec, effective
from tests.integration.api.stack import Api, unique, until

WAIT = {"id": "w", "type": "WAIT", "with": {"name": "go"}}
NAP = {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}
PARKED = [{"id": "a", "type": "FAIL", "with": {"times": 1}}, {"id": "b", "type": "LOG", "with": {"message": "x"}}]


def log(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "LOG", "with": {"message": "x"}, **fields}


def fail(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "FAIL", "with": {"code": "STEP.BAD", "times": 1}, **fields}


@dataclass
class Desk:
    """A queue with a worker, the API, and a client that decides (an admin's)."""

    api: Api
    http: httpx.AsyncClient
    queue: str

    async def start(self, steps: list[dict[str, Any]], *, by: str = "key:somebody", **fields: Any) -> str:
        """Start a job; its id."""
        id_ = fields.pop("id_", f"default:{unique()}")
        body = {"name": "test", "queue": self.queue, **fields, "steps": steps}
        start = JobStart(spec=effective(JobSpec.model_validate_json(json.dumps(body))), tenant=tenant_of(id_))
        queue, memo = task_queue(body["queue"]), {MEMO_SUBMITTED_BY: by}
        await self.api.temporal.start_workflow(JOB_WORKFLOW, start, id=id_, task_queue=queue, memo=memo)
        return str(id_)

    async def job(self, job_id: str) -> dict[str, Any]:
        """The job as Temporal tells it."""
        found: dict[str, Any] = (await self.http.get(f"/v1/jobs/{job_id}?consistency=strong")).json()
        return found

    async def reach(self, job_id: str, status: str) -> dict[str, Any]:
        """The job once it has this status."""

        async def reached() -> dict[str, Any] | None:
            job = await self.job(job_id)
            return job if job["status"] == status else None

        found: dict[str, Any] = await until(reached)
        return found

    async def started(self, steps: list[dict[str, Any]], status: str, **fields: Any) -> str:
        """Start a job and wait until it has this status."""
        job_id = await self.start(steps, **fields)
        await self.reach(job_id, status)
        return job_id

    async def steps(self, job_id: str) -> dict[str, Any]:
        """What the workflow says of each step."""
        state = await self.api.temporal.get_workflow_handle(job_id).query("state")
        return {step: found["status"] for step, found in state["steps"].items()}

    async def until_step(self, job_id: str, step: str, status: str) -> None:
        async def reached() -> bool:
            return bool((await self.steps(job_id)).get(step) == status)

        await until(reached)

    async def decide(
        self, job_id: str, verb: str, body: Any = None, *, by: httpx.AsyncClient | None = None, key: str | None = None
    ) -> httpx.Response:
        """`verb` is a job's, or with a slash before it a dead letter's. A 503 is sent again, as clients are told to."""
        path = f"/v1/dead-letters/{job_id}{verb}" if verb[0] == "/" else f"/v1/jobs/{job_id}/{verb}"
        headers = {} if key is None else {"Idempotency-Key": key}
        for _ in range(5):
            answer = await (by or self.http).post(path, json=body if body is not None else {}, headers=headers)
            if answer.status_code != 503:
                break
            await asyncio.sleep(float(answer.headers["retry-after"]))
        return answer

    async def journal(self, job_id: str) -> list[dict[str, Any]]:
        """The rows, projected now."""
        await self.api.project(job_id)
        rows: list[dict[str, Any]] = (await self.http.get(f"/v1/jobs/{job_id}/journal?limit=200")).json()["data"]
        return rows

    async def said(self, job_id: str, type_: str) -> list[tuple[Any, Any]]:
        """Actor and reason of the rows of this type."""
        rows = await self.journal(job_id)
        return [(row["actor"], row["data"].get("reason")) for row in rows if row["type"] == type_]
