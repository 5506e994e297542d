"""`python -m benchmarks.search [JOBS]`: how long a page of `GET /v1/jobs` takes among 1,000,000 jobs (the default).

Makes a database of its own, fills it as revision 0002 left it, migrates it as a live one would be, then asks for
pages of 50: each filter alone, usual ones together, and hard ones, with values drawn from those that are there.
Prints p50, p95 and the indexes that Postgres uses, and fails where a p95 is over 50 ms. Postgres has its default
settings; everything is in the page cache after the first pages.
"""

import asyncio
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.search_rows import FILL, HOSTS, TEAMS, WORDS
from perdure.contract.state import JobStatus
from perdure.garbage import settle_garbage_collection
from perdure.store.engine import create_engine
from perdure.store.job_filter import JobFilter, search_words
from perdure.store.job_order import JobSort
from perdure.store.job_search import list_jobs
from perdure.store.migrate import upgrade
from perdure.store.session import transaction
from tests.integration.store.server import running_postgres

JOBS = 1_000_000
TRIES = 40
MOST_MS = 50.0
NOW = datetime(2026, 11, 22, tzinfo=UTC)
Query = Callable[[random.Random], dict[str, Any]]


def queries(jobs: int) -> dict[str, Query]:
    """What is asked for, by name; `sort` and `pages` are not of the filter."""
    unhappy = [JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.CANCELED]
    open_ = [status for status in JobStatus if not status.final]
    failed = [JobStatus.FAILED]
    since = NOW - timedelta(days=1)
    return {
        "no filter": lambda _: {},
        "no filter, page 20": lambda _: {"pages": 20},
        "tenant (2,000 jobs of 1,000,000)": lambda r: {"tenant": f"tenant{r.randrange(100)}"},
        "status COMPLETED (90 %)": lambda _: {"statuses": [JobStatus.COMPLETED]},
        "status FAILED (5 %)": lambda _: {"statuses": failed},
        "status RETRYING": lambda _: {"statuses": [JobStatus.RETRYING]},
        "three states": lambda _: {"statuses": unhappy},
        "three states, page 20": lambda _: {"statuses": unhappy, "pages": 20},
        "all open states": lambda _: {"statuses": open_},
        "type": lambda r: {"types": [f"definition-{r.randrange(10)}"]},
        "queue": lambda r: {"queue": f"queue{r.randrange(5)}"},
        "queue (20 jobs)": lambda _: {"queue": "seldom"},
        "label, unique": lambda r: {"labels": {"order": str(r.randrange(jobs))}},
        "label, 5 %": lambda r: {"labels": {"team": r.choice(TEAMS)}},
        "label, 33 %": lambda _: {"labels": {"env": "prod"}},
        "label, 1 %, of long ago": lambda _: {"labels": {"campaign": "spring"}},
        "label, none": lambda _: {"labels": {"team": "nobody"}},
        "two labels": lambda r: {"labels": {"team": r.choice(TEAMS), "env": "test"}},
        "correlation_id": lambda r: {"correlation_id": f"order-{r.randrange(jobs // 3)}"},
        "trace_id": lambda r: {"trace_id": f"{r.randrange(jobs):032x}"},
        "submitted_by": lambda r: {"submitted_by": f"key:k{r.randrange(30)}"},
        "parent": lambda r: {"parent_id": f"default:{r.randrange(jobs // 20):07}"},
        "since 1 day": lambda _: {"since": since},
        "one day, months ago": lambda _: {
            "since": NOW - timedelta(days=70), "until": NOW - timedelta(days=69)
        },
        "error_code": lambda r: {"error_code": f"STEP.HTTP.{r.randrange(12)}"},
        "fingerprint": lambda r: {"fingerprint": f"{r.randrange(200):016x}"},
        "q, in 4 %": lambda r: {"q": r.choice(WORDS)},
        "q, begins words": lambda r: {"q": r.choice(WORDS)[:4]},
        "q, two words": lambda r: {"q": f"{r.choice(WORDS)} {r.choice(TEAMS)}"},
        "q, in errors": lambda r: {"q": f"answered {r.choice(HOSTS)}"},
        "q, one job": lambda r: {"q": str(r.randrange(jobs))},
        "q, none": lambda _: {"q": "nowhere"},
        "q, 1 %, of long ago": lambda _: {"q": "spring"},
        "sort=created_at": lambda _: {"sort": JobSort.OLDEST},
        "sort=-completed_at": lambda _: {"sort": JobSort.LAST_COMPLETED},
        "sort=-execution_ms, page 20": lambda _: {"sort": JobSort.LONGEST, "pages": 20},
        "sort=-execution_ms, status FAILED": lambda _: {"sort": JobSort.LONGEST, "statuses": failed},
        "sort=-execution_ms, type, 1 day": lambda r: {
            "sort": JobSort.LONGEST, "types": [f"definition-{r.randrange(10)}"], "since": since,
        },
        "sort=-completed_at, q": lambda r: {"sort": JobSort.LAST_COMPLETED, "q": r.choice(WORDS)},
        "tenant + three states": lambda r: {"tenant": f"tenant{r.randrange(100)}", "statuses": unhappy},
        "tenant default + status + type": lambda r: {
            "tenant": "default", "statuses": failed, "types": [f"definition-{r.randrange(10)}"],
        },
        "status + queue": lambda r: {"statuses": failed, "queue": f"queue{r.randrange(5)}"},
        "status + label + 1 day": lambda r: {
            "statuses": failed, "labels": {"team": r.choice(TEAMS)}, "since": since,
        },
        "type + error_code": lambda r: {
            "types": [f"definition-{r.randrange(10)}"], "error_code": f"STEP.HTTP.{r.randrange(12)}",
        },
        "queue + label + q": lambda r: {
            "queue": f"queue{r.randrange(5)}", "labels": {"team": r.choice(TEAMS)}, "q": r.choice(WORDS),
        },
        "DEAD_LETTERED + fingerprint": lambda r: {
            "statuses": [JobStatus.DEAD_LETTERED], "fingerprint": f"{r.randrange(200):016x}",
        },
    }  # fmt: skip


async def ask(engine: AsyncEngine, asked: dict[str, Any], tenant: str | None = None) -> tuple[float, int]:
    """Milliseconds of the last page, and how many jobs were on it."""
    fields = dict(asked)
    sort, pages = fields.pop("sort", JobSort.NEWEST), fields.pop("pages", 1)
    words = search_words(fields.pop("q", ""))
    wanted = JobFilter(**{"tenant": tenant, "words": words, **fields})
    cursor, took, found = None, 0.0, 0
    for _ in range(pages):
        began = time.perf_counter()
        async with transaction(engine) as connection:
            jobs, cursor = await list_jobs(connection, wanted, cursor, 50, sort)
        took, found = (time.perf_counter() - began) * 1000, len(jobs)
    return took, found


async def indexes(engine: AsyncEngine, asked: dict[str, Any]) -> str:
    """The names of the indexes in the plans of what is sent for this, without `jobs_` and `_idx`."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: Any) -> None:
        sent.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    await ask(engine, {**asked, "pages": 1})
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    names: dict[str, None] = {}
    async with engine.connect() as connection:
        for statement, parameters in sent:
            if "FROM jobs" in statement:
                plan = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)).scalar_one()
                found = re.findall(r'"(Index Name|Node Type)": "(jobs_\w+|Seq Scan)"', json.dumps(plan))
                names |= dict.fromkeys(name.removeprefix("jobs_").removesuffix("_idx") for _, name in found)
    names.pop("pkey", None)
    return ", ".join(names)


async def fill(engine: AsyncEngine, jobs: int) -> None:
    """Make the rows, then migrate."""
    await upgrade(engine, "0002")
    began = time.monotonic()
    async with engine.begin() as connection:
        await connection.execute(text(FILL), {"jobs": jobs, "now": NOW})
    print(f"{jobs:,} jobs generated in {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    await upgrade(engine)
    print(f"migrated from 0002 in {time.monotonic() - began:.0f} s")
    async with engine.connect() as connection:
        sizes = "pg_size_pretty(pg_table_size('jobs')), pg_size_pretty(pg_indexes_size('jobs'))"
        table, index = (await connection.execute(text(f"SELECT {sizes}"))).one()
    print(f"table {table}, indexes {index}\n")


async def measure(engine: AsyncEngine, jobs: int) -> bool:
    """Print a line a query; whether all are quick enough."""
    print(f"{'query':36} {'found':>5} {'p50 ms':>7} {'p95 ms':>7}  indexes")
    well = True
    for name, query in queries(jobs).items():
        draw = random.Random(name)
        await ask(engine, query(draw))
        results = [await ask(engine, query(draw)) for _ in range(TRIES)]
        took = sorted(milliseconds for milliseconds, _ in results)
        p95 = took[int(len(took) * 0.95) - 1]
        well = well and p95 <= MOST_MS
        used = await indexes(engine, query(random.Random(name)))
        found = statistics.median(found for _, found in results)
        print(f"{name:36} {found:5.0f} {statistics.median(took):7.1f} {p95:7.1f}  {used}", flush=True)
    return well


async def main(jobs: int) -> int:
    """The exit code."""
    with running_postgres() as server:
        engine = create_engine(server.create_database("search"), statement_seconds=3600)
        try:
            await fill(engine, jobs)
            settle_garbage_collection()  # as the API does, which asks for these pages
            well = await measure(engine, jobs)
        finally:
            await engine.dispose()
    print(f"\nevery p95 is at most {MOST_MS:.0f} ms" if well else f"\na p95 is over {MOST_MS:.0f} ms")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS)))
