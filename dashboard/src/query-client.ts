// What every query and mutation has in common: no retries of its own (the page asks again anyway), and 401 ends a session.
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { asProblem } from "./api/problem";

const UNAUTHENTICATED = 401;
let onSessionEnd: () => void = () => undefined;

/** What is done when the API no longer knows who asks. */
export function whenSessionEnds(act: () => void): void {
  onSessionEnd = act;
}

function noticed(error: Error): void {
  if (asProblem(error).status === UNAUTHENTICATED) onSessionEnd();
}

export const queries = new QueryClient({
  queryCache: new QueryCache({ onError: noticed }),
  mutationCache: new MutationCache({ onError: noticed }),
  defaultOptions: {
    queries: { retry: false, staleTime: 1_000, refetchOnWindowFocus: true },
    mutations: { retry: false, networkMode: "always" },
  },
});
