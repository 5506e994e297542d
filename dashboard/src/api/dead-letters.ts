// Reading what is parked: by job, by kind of failure, one entry; and what is being retried now.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answered, client } from "./client";
import { everyOf, LIVE_MS } from "./live";
import { ApiProblem } from "./problem";
import type { operations } from "./schema";

type QueryOf<Name extends keyof operations> = NonNullable<operations[Name]["parameters"]["query"]>;
export type DeadLettersQuery = Omit<QueryOf<"listDeadLetters">, "cursor" | "limit">;
export type GroupsQuery = Omit<QueryOf<"listDeadLetterGroups">, "cursor" | "limit">;
export type RetryingQuery = Omit<QueryOf<"listRetrying">, "cursor" | "limit">;

const PAGE = 50;
const first = undefined as string | undefined;

export function deadLetterList(query: DeadLettersQuery) {
  return infiniteQueryOptions({
    queryKey: ["dead-letters", query],
    queryFn: ({ pageParam, signal }) =>
      answered(
        client.GET("/v1/dead-letters", {
          params: { query: { ...query, cursor: pageParam, limit: PAGE } },
          signal,
        }),
      ),
    initialPageParam: first,
    getNextPageParam: (last) => last.page.cursor ?? undefined,
    refetchInterval: ({ state }) => everyOf(state.data?.pages.length ?? 1),
    placeholderData: keepPreviousData,
  });
}

export function groupList(query: GroupsQuery) {
  return infiniteQueryOptions({
    queryKey: ["dead-letter-groups", query],
    queryFn: ({ pageParam, signal }) =>
      answered(
        client.GET("/v1/dead-letters/groups", {
          params: { query: { ...query, cursor: pageParam, limit: PAGE } },
          signal,
        }),
      ),
    initialPageParam: first,
    getNextPageParam: (last) => last.page.cursor ?? undefined,
    refetchInterval: ({ state }) => everyOf(state.data?.pages.length ?? 1),
    placeholderData: keepPreviousData,
  });
}

/** Whether the answer is that nothing of the job is parked. */
export function isResolved(error: Error | null): error is ApiProblem {
  return error instanceof ApiProblem && error.code === "API.JOB_NOT_PARKED";
}

export function deadLetter(id: string) {
  return queryOptions({
    queryKey: ["dead-letter", id],
    queryFn: ({ signal }) =>
      answered(client.GET("/v1/dead-letters/{job_id}", { params: { path: { job_id: id } }, signal })),
    // Once nothing is parked there is no entry: then the job itself is watched.
    refetchInterval: ({ state }) => (isResolved(state.error) ? false : LIVE_MS),
  });
}

export function retryingList(query: RetryingQuery) {
  return infiniteQueryOptions({
    queryKey: ["retrying", query],
    queryFn: ({ pageParam, signal }) =>
      answered(
        client.GET("/v1/retrying", {
          params: { query: { ...query, cursor: pageParam, limit: PAGE } },
          signal,
        }),
      ),
    initialPageParam: first,
    getNextPageParam: (last) => last.page.cursor ?? undefined,
    refetchInterval: ({ state }) => everyOf(state.data?.pages.length ?? 1),
    placeholderData: keepPreviousData,
  });
}
