// Decisions about many parked jobs at once: asking first, starting, watching, stopping.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answered, client } from "./client";
import type { DeadLettersQuery } from "./dead-letters";
import { every, everyOf } from "./live";
import type { components } from "./schema";
import type { BulkAction, BulkBody, BulkPreview } from "./type";

type BulkItemPage = components["schemas"]["BulkItemPage"];
type Filter = components["schemas"]["BulkFilter"];
export type BulkVerb = "retry" | "discard";

/** Which jobs are meant: these, or all that fit a filter when the action is made. */
export type Meant = { ids: string[] } | { filter: DeadLettersQuery };

interface BulkWish {
  action: BulkVerb;
  meant: Meant;
  reason: string;
  /** So many jobs first, and the others only if none of them parks again. */
  canary: number | null;
  rate: number | null;
}

const PAGE = 100;
const ASKING = "asked in the dashboard how many it would be";

export function isOver(status: BulkAction["status"]): boolean {
  return status !== "QUEUED" && status !== "RUNNING";
}

/** How many jobs it would be about. Nothing is decided. */
export function bulkPreview(action: BulkVerb, meant: Meant) {
  return queryOptions({
    queryKey: ["bulk-preview", action, meant],
    queryFn: async (): Promise<BulkPreview> => {
      const body = bodyOf({ action, meant, reason: ASKING, canary: null, rate: null }, true);
      const said = await answered(client.POST("/v1/bulk-actions", { body }));
      if (!("not_parked" in said)) throw new Error("the API started what it was only asked about");
      return said;
    },
    gcTime: 0,
  });
}

export async function startBulk(wish: BulkWish, key: string): Promise<BulkAction> {
  const params = { header: { "Idempotency-Key": key } };
  const said = await answered(client.POST("/v1/bulk-actions", { params, body: bodyOf(wish, false) }));
  if ("not_parked" in said) throw new Error("the API only counted what it was to start");
  return said;
}

export function abortBulk(id: string, reason: string): Promise<BulkAction> {
  const params = { path: { action_id: id } };
  return answered(client.POST("/v1/bulk-actions/{action_id}/abort", { params, body: { reason } }));
}

export function bulkAction(id: string) {
  return queryOptions({
    queryKey: ["bulk-action", id],
    queryFn: ({ signal }) =>
      answered(client.GET("/v1/bulk-actions/{action_id}", { params: { path: { action_id: id } }, signal })),
    refetchInterval: ({ state }) => every(state.data !== undefined && isOver(state.data.status)),
  });
}

export const bulkList = infiniteQueryOptions({
  queryKey: ["bulk-actions"],
  queryFn: ({ pageParam, signal }) =>
    answered(client.GET("/v1/bulk-actions", { params: { query: { cursor: pageParam } }, signal })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.page.cursor ?? undefined,
  refetchInterval: ({ state }) => everyOf(state.data?.pages.length ?? 1),
});

export function bulkItems(id: string) {
  return infiniteQueryOptions({
    queryKey: ["bulk-items", id],
    queryFn: ({ pageParam, signal }) =>
      answered(
        client.GET("/v1/bulk-actions/{action_id}/items", {
          params: { path: { action_id: id }, query: { cursor: pageParam, limit: PAGE } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.page.cursor ?? undefined,
    refetchInterval: ({ state }) =>
      state.data?.pages.some(isPending) ? everyOf(state.data.pages.length) : false,
    placeholderData: keepPreviousData,
  });
}

function isPending(page: BulkItemPage): boolean {
  return page.data.some(({ status }) => status === "PENDING");
}

function bodyOf({ action, meant, reason, canary, rate }: BulkWish, dryRun: boolean): BulkBody {
  const which = "ids" in meant ? { ids: meant.ids } : { filter: filterOf(meant.filter) };
  return { action, ...which, reason, dry_run: dryRun, rate_per_second: rate, canary };
}

function filterOf({ label, ...rest }: DeadLettersQuery): Filter {
  return label === undefined ? rest : { ...rest, labels: Object.fromEntries(label.map(parted)) };
}

function parted(label: string): [string, string] {
  const at = label.indexOf("=");
  return [label.slice(0, at), label.slice(at + 1)];
}
