// The items of a fan-out: those that fail first, any state on demand.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { stepItems } from "../../api/jobs";
import type { Item, Step, StepStatus } from "../../api/type";
import { Attempts } from "../../component/attempts";
import { FilterSelect } from "../../component/filter";
import { Trouble } from "../../component/freshness";
import { JsonView } from "../../component/json-view";
import { Span } from "../../component/moment";
import { More } from "../../component/more";
import { Status } from "../../component/status";

interface Props {
  jobId: string;
  step: Step;
  /** The job has ended: nothing moves any more. */
  settled: boolean;
  masked: boolean;
}

export function Items({ jobId, step, settled, masked }: Props) {
  const counts = Object.entries(step.items?.counts ?? {}).filter(([, count]) => count > 0);
  const parked = counts.some(([status]) => status === "DEAD_LETTERED");
  const [status, setStatus] = useState<string>(parked ? "DEAD_LETTERED" : "");
  const chosen = (status === "" || status === "RETRYING" ? null : status) as StepStatus | null;
  const list = useInfiniteQuery(stepItems(jobId, step.id, chosen, settled));
  const items = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <>
      <FilterSelect
        label={`Items of ${step.id}`}
        value={status}
        options={[
          ["", `All ${step.items?.total ?? 0}`],
          ...counts
            .filter(([name]) => name !== "RETRYING")
            .map(([name, count]): [string, string] => [name, `${name} (${count})`]),
        ]}
        onCommit={setStatus}
      />
      <Trouble error={list.error} known={list.data !== undefined} />
      <ul className="plain items">
        {items.map((item) => (
          <li key={item.index}>
            <OneItem unit={`${step.id}.${item.index}`} item={item} masked={masked} />
          </li>
        ))}
      </ul>
      <More
        shown={items.length}
        noun={["item", "items"]}
        hasMore={list.hasNextPage}
        isLoading={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
      />
    </>
  );
}

function OneItem({ unit, item, masked }: { unit: string; item: Item; masked: boolean }) {
  return (
    <details>
      <summary>
        <code>{unit}</code> <Status state={item.status} />{" "}
        <Span from={item.started_at} to={item.completed_at} />{" "}
        {item.error !== null && <code>{item.error.code}</code>}
      </summary>
      <Attempts unit={unit} attempts={item.attempts} count={item.attempt_count} masked={masked} />
      {item.output !== null && <JsonView label={`Output of ${unit}`} value={item.output} masked={masked} />}
    </details>
  );
}
