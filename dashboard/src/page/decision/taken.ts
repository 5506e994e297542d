// What happens on the page once a decision is taken: it is announced, the job as it is now is shown, lists ask again.
import { useQueryClient } from "@tanstack/react-query";
import { jobKey } from "../../api/jobs";
import type { Decision } from "../../api/type";
import { useTell } from "../../component/notice";

const LISTS = [
  "jobs",
  "dead-letters",
  "dead-letter-groups",
  "dead-letter",
  "retrying",
  "journal",
  "diagnosis",
  "items",
];

/** `said` makes the announcement of the units that the decision concerns. */
export function useTaken(): (decision: Decision, said: string) => void {
  const queries = useQueryClient();
  const tell = useTell();
  return (decision, said) => {
    tell(said);
    queries.setQueryData(jobKey(decision.job_id), decision.job);
    for (const name of LISTS) void queries.invalidateQueries({ queryKey: [name] });
  };
}

/** Units in words: `book`, `book and pay`, `book, pay and 3 more`. */
export function units(names: readonly string[]): string {
  const [first = "nothing", second, ...more] = names;
  if (second === undefined) return first;
  return more.length === 0 ? `${first} and ${second}` : `${first}, ${second} and ${more.length} more`;
}
