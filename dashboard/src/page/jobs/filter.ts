// What the list of jobs is narrowed to, as it stands in the page's address and as the API takes it.
import type { JobsQuery } from "../../api/jobs";
import type { JobStatus } from "../../api/type";
import { many, one } from "../../search";

export const STATUSES: readonly JobStatus[] = [
  "SCHEDULED",
  "QUEUED",
  "RUNNING",
  "RETRYING",
  "WAITING",
  "PAUSED",
  "DEAD_LETTERED",
  "COMPLETED",
  "COMPLETED_WITH_ERRORS",
  "FAILED",
  "CANCELED",
  "TIMED_OUT",
  "TERMINATED",
];

type Sort = NonNullable<JobsQuery["sort"]>;

export const SORTS: readonly (readonly [Sort, string])[] = [
  ["-created_at", "Newest first"],
  ["created_at", "Oldest first"],
  ["-completed_at", "Ended last first"],
  ["completed_at", "Ended first first"],
  ["-execution_ms", "Longest first"],
  ["execution_ms", "Shortest first"],
];

export const SELDOM = [
  ["correlation_id", "Correlation id"],
  ["trace_id", "Trace id"],
  ["submitted_by", "Submitted by"],
  ["parent", "Parent job"],
  ["error_code", "Error code"],
  ["fingerprint", "Fingerprint"],
] as const;

export type JobsSearch = JobsQuery;

export function jobsSearch(search: Record<string, unknown>): JobsSearch {
  const sort = SORTS.find(([name]) => name === search.sort)?.[0];
  return {
    status: many(search.status, ","),
    type: one(search.type),
    queue: one(search.queue),
    label: many(search.label),
    correlation_id: one(search.correlation_id),
    trace_id: one(search.trace_id),
    submitted_by: one(search.submitted_by),
    parent: one(search.parent),
    since: one(search.since),
    until: one(search.until),
    error_code: one(search.error_code),
    fingerprint: one(search.fingerprint),
    q: one(search.q),
    sort: sort === "-created_at" ? undefined : sort,
  };
}

export function isFiltered({ sort: _, ...search }: JobsSearch): boolean {
  return Object.values(search).some((value) => value !== undefined);
}
