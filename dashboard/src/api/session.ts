// Who is logged in, logging in and out. The key goes to the API once; what stays is a cookie that scripts cannot read.
import { queryOptions } from "@tanstack/react-query";
import { answered, client } from "./client";
import { LIVE_MS } from "./live";
import { problemOf, unreachable } from "./problem";
import type { Principal, Role } from "./type";

const CHECKED_MS = 60_000;

export const me = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => answered(client.GET("/v1/me", { signal })),
  staleTime: CHECKED_MS,
  // At once again where the API was away when the page was opened.
  refetchInterval: ({ state }) => (state.data === undefined ? LIVE_MS : CHECKED_MS),
});

export function logIn(apiKey: string): Promise<Principal> {
  return answered(client.POST("/v1/session", { body: { api_key: apiKey } }));
}

/** Throws where the API does not answer: the cookie, and so the session, is then still there. */
export async function logOut(): Promise<void> {
  const { response, error } = await client.DELETE("/v1/session").catch(() => {
    throw unreachable();
  });
  if (!response.ok) throw problemOf(response, error);
}

/** Whether this role may take decisions. */
export function mayDecide(role: Role): boolean {
  return role !== "viewer";
}
