// What lists of dead letters are narrowed to, as it stands in the page's address and as the API takes it.
import type { DeadLettersQuery, GroupsQuery } from "../../api/dead-letters";
import { many, one } from "../../search";

type ErrorClass = NonNullable<DeadLettersQuery["error_class"]>;
type State = NonNullable<GroupsQuery["state"]>;

export const CLASSES: readonly ErrorClass[] = [
  "TRANSIENT",
  "PERMANENT",
  "THROTTLED",
  "TIMEOUT",
  "LOST",
  "CANCELED",
  "INTERNAL",
];
export const STATES: readonly (readonly [State, string])[] = [
  ["PARKED", "Parked now"],
  ["RESOLVED", "Brought home"],
  ["ALL", "Both"],
];

export function deadLettersSearch(search: Record<string, unknown>): DeadLettersQuery {
  const status = Number(one(search.http_status));
  return {
    error_code: one(search.error_code),
    error_class: CLASSES.find((name) => name === search.error_class),
    fingerprint: one(search.fingerprint),
    http_status: Number.isInteger(status) && status > 0 ? status : undefined,
    step: one(search.step),
    type: one(search.type),
    queue: one(search.queue),
    label: many(search.label),
    since: one(search.since),
    until: one(search.until),
    older_than: one(search.older_than),
    younger_than: one(search.younger_than),
    q: one(search.q),
  };
}

export function groupsSearch(search: Record<string, unknown>): GroupsQuery {
  const state = STATES.find(([name]) => name === search.state)?.[0];
  return { ...deadLettersSearch(search), state: state === "PARKED" ? undefined : state };
}

export function isFiltered(search: DeadLettersQuery): boolean {
  return Object.entries(search).some(([name, value]) => name !== "state" && value !== undefined);
}
