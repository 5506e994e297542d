"""One SQL statement that makes jobs as a busy installation has them, over 90 days. Used by `benchmarks.search`."""

TEAMS = [f"team{letter}" for letter in "abcdefghijklmnopqrst"]
WORDS = [
    "invoice", "refund", "report", "import", "export", "resize", "cleanup", "backup", "notify", "reconcile", "settle",
    "archive", "migrate", "index", "publish", "verify", "translate", "encode", "collect", "forward", "bill", "audit",
    "scan", "merge", "split",
]  # fmt: skip
HOSTS = [f"partner{number}" for number in range(50)]


def _one_of(words: list[str], number: str) -> str:
    return f"(ARRAY[{', '.join(repr(word) for word in words)}])[1 + {number} % {len(words)}]"


# `n` counts from the oldest job, `r` scatters: neighbours in time have nothing else in common.
FILL = f"""
INSERT INTO jobs (
    id, tenant, name, type, status, status_reason, history, queue, priority, labels, correlation_id, submitted_by,
    parent_id, created_at, started_at, completed_at, queue_wait_ms, execution_ms, attempts, retry_count, trace_id,
    input, output, error, error_step, run_id, run_started_at, last_event_id, note_count, projected_at, lag_ms
)
SELECT
    'default:' || lpad(n::text, 7, '0'),
    CASE WHEN s % 10 < 8 THEN 'default' ELSE 'tenant' || (s / 10 % 100)::text END,
    {_one_of(WORDS, "(r / 7)")} || '-' || {_one_of(["run", "daily", "batch", "once"], "(r / 3)")},
    CASE WHEN r % 5 < 3 THEN 'INLINE' ELSE 'definition-' || (r / 5 % 10)::text END,
    status, 'as it is', json_build_object('status', status),
    CASE WHEN n % (:jobs / 20) = 7 THEN 'seldom' WHEN s % 7 < 5 THEN 'default' ELSE 'queue' || (s / 7 % 5)::text END,
    3,
    jsonb_build_object(
        'team', {_one_of(TEAMS, "(r / 13)")}, 'env', (ARRAY['prod', 'test', 'dev'])[1 + r / 17 % 3], 'order', n::text
    ) || CASE WHEN n < :jobs / 100 THEN '{{"campaign": "spring"}}'::jsonb ELSE '{{}}'::jsonb END,
    'order-' || (r % (:jobs / 3))::text,
    'key:k' || (r / 19 % 30)::text,
    CASE WHEN r % 10 = 0 THEN 'default:' || lpad((r % (:jobs / 20))::text, 7, '0') END,
    at, at + interval '20 ms', CASE WHEN final THEN at + took END, 20,
    CASE WHEN final THEN extract(epoch FROM took) * 1000 END,
    3, 0, lpad(to_hex(n), 32, '0'),
    '{{"order": 1042, "customer": "someone", "lines": [1, 2, 3, 4, 5, 6, 7, 8]}}', '{{"total": 2084}}',
    CASE WHEN broken THEN json_build_object(
        'code', 'STEP.HTTP.' || (r % 12)::text, 'class', 'TRANSIENT', 'fingerprint', lpad(to_hex(r % 200), 16, '0'),
        'message', {_one_of(HOSTS, "(r / 11)")} || ' answered 503 for order ' || n::text, 'details', '{{}}'::json
    ) END,
    CASE WHEN broken THEN 'book' END,
    'run-' || n::text, at, 23, 0, at + took, 120
FROM (
    SELECT
        n, r, s, status, CAST(:now AS timestamptz) - interval '90 days' * ((:jobs - n)::float / :jobs) AS at,
        interval '1 ms' * (30 + r % 90000) AS took,
        status IN ('COMPLETED', 'FAILED', 'CANCELED', 'TIMED_OUT', 'TERMINATED') AS final,
        status IN ('FAILED', 'DEAD_LETTERED', 'RETRYING', 'TIMED_OUT') AS broken
    FROM (
        SELECT
            n, hash & 1073741823 AS r, hashint4(hash) & 1073741823 AS s,
            CASE
                WHEN n > :jobs - 200 THEN (ARRAY['RUNNING', 'QUEUED', 'RETRYING', 'WAITING'])[1 + (hash & 3)]
                WHEN (hash >> 8) & 1023 < 920 THEN 'COMPLETED'
                WHEN (hash >> 8) & 1023 < 972 THEN 'FAILED'
                WHEN (hash >> 8) & 1023 < 982 THEN 'DEAD_LETTERED'
                WHEN (hash >> 8) & 1023 < 1000 THEN 'CANCELED'
                WHEN (hash >> 8) & 1023 < 1010 THEN 'TIMED_OUT'
                ELSE 'TERMINATED'
            END AS status
        FROM (SELECT n, hashint4(n) AS hash FROM generate_series(0, :jobs - 1) AS n) AS numbers
    ) AS scattered
) AS made
"""
