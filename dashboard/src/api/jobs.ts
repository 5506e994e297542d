// Reading jobs: the list, one job, its journal, its diagnosis, the items of a fan-out.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answered, client } from "./client";
import { every, everyOf } from "./live";
import type { operations } from "./schema";
import type { Job, JobStatus, StepStatus } from "./type";

export type JobsQuery = Omit<NonNullable<operations["listJobs"]["parameters"]["query"]>, "cursor" | "limit">;

const PAGE = 50;
const JOURNAL_PAGE = 100;
const FINAL: readonly JobStatus[] = [
  "COMPLETED",
  "COMPLETED_WITH_ERRORS",
  "FAILED",
  "CANCELED",
  "TIMED_OUT",
  "TERMINATED",
];

export function isFinal(status: JobStatus): boolean {
  return FINAL.includes(status);
}

export function jobList(query: JobsQuery) {
  return infiniteQueryOptions({
    queryKey: ["jobs", query],
    queryFn: ({ pageParam, signal }) =>
      answered(
        client.GET("/v1/jobs", { params: { query: { ...query, cursor: pageParam, limit: PAGE } }, signal }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.page.cursor ?? undefined,
    refetchInterval: ({ state }) => everyOf(state.data?.pages.length ?? 1),
    placeholderData: keepPreviousData,
  });
}

export function jobKey(id: string) {
  return ["job", id] as const;
}

export function oneJob(id: string) {
  return queryOptions({
    queryKey: jobKey(id),
    // The browser sends If-None-Match by itself: an unchanged job costs no body.
    queryFn: ({ signal }) =>
      answered(client.GET("/v1/jobs/{job_id}", { params: { path: { job_id: id } }, signal })),
    refetchInterval: ({ state }) => every(state.data !== undefined && isFinal(state.data.status)),
  });
}

/** What of a job says that its journal and diagnosis have moved on. */
export function stamp(job: Job): string {
  return `${job.run_id}/${job.projection.event_id}/${job.attempts}/${job.status}`;
}

export function diagnosis(id: string, seen: string) {
  return queryOptions({
    queryKey: ["diagnosis", id, seen],
    queryFn: ({ signal }) =>
      answered(
        client.GET("/v1/jobs/{job_id}/diagnosis", {
          params: { path: { job_id: id }, query: { events: 0 } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  });
}

export function journal(id: string) {
  return infiniteQueryOptions({
    queryKey: ["journal", id],
    queryFn: ({ pageParam, signal }) =>
      answered(
        client.GET("/v1/jobs/{job_id}/journal", {
          params: { path: { job_id: id }, query: { cursor: pageParam, limit: JOURNAL_PAGE } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.page.cursor ?? undefined,
  });
}

export function stepItems(id: string, step: string, status: StepStatus | null, settled: boolean) {
  return infiniteQueryOptions({
    queryKey: ["items", id, step, status],
    queryFn: ({ pageParam, signal }) =>
      answered(
        client.GET("/v1/jobs/{job_id}/steps/{step_id}/items", {
          params: {
            path: { job_id: id, step_id: step },
            query: { cursor: pageParam, limit: PAGE, ...(status === null ? {} : { status: [status] }) },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.page.cursor ?? undefined,
    refetchInterval: ({ state }) => (settled ? false : everyOf(state.data?.pages.length ?? 1)),
    placeholderData: keepPreviousData,
  });
}
