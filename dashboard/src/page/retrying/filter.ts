// What the list of retrying jobs is narrowed to, as it stands in the page's address and as the API takes it.
import type { RetryingQuery } from "../../api/dead-letters";
import { many, one } from "../../search";

export function retryingSearch(search: Record<string, unknown>): RetryingQuery {
  return {
    error_code: one(search.error_code),
    fingerprint: one(search.fingerprint),
    type: one(search.type),
    queue: one(search.queue),
    label: many(search.label),
    q: one(search.q),
  };
}
