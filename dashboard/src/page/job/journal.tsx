// The journal of a job: everything that happened, by whom and why, oldest first.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { jobKey, journal, stamp } from "../../api/jobs";
import type { Job, JournalEntry } from "../../api/type";
import { Trouble } from "../../component/freshness";
import { JsonView } from "../../component/json-view";
import { Moment } from "../../component/moment";
import { More } from "../../component/more";
import { Section } from "../../component/section";

export function Journal({ job, masked }: { job: Job; masked: boolean }) {
  const list = useInfiniteQuery(journal(job.id));
  useFollowing(job, list.data?.pages.at(-1)?.projection?.event_id ?? 0);
  const entries = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Section title="Journal">
      <Trouble error={list.error} known={list.data !== undefined} />
      {entries.length > 0 && (
        <>
          <div className="table-frame">
            <table>
              <caption className="hidden">What happened, oldest first</caption>
              <thead>
                <tr>
                  <th scope="col" className="end">
                    #
                  </th>
                  <th scope="col">When</th>
                  <th scope="col">What</th>
                  <th scope="col">Step</th>
                  <th scope="col">Who and why</th>
                </tr>
              </thead>
              <tbody>
                {entries.map((entry) => (
                  <Row key={`${entry.run_id} ${entry.seq}`} entry={entry} masked={masked} />
                ))}
              </tbody>
            </table>
          </div>
          <More
            shown={entries.length}
            noun={["entry", "entries"]}
            hasMore={list.hasNextPage}
            isLoading={list.isFetchingNextPage}
            onMore={() => void list.fetchNextPage()}
          />
        </>
      )}
    </Section>
  );
}

/** Asks again whenever the job has moved on, and only then; and for the job where the journal knows more of it. */
function useFollowing(job: Job, known: number): void {
  const queries = useQueryClient();
  const now = stamp(job);
  const seen = useRef(now);
  useEffect(() => {
    if (seen.current === now) return;
    seen.current = now;
    void queries.invalidateQueries({ queryKey: ["journal", job.id] });
  }, [now, job.id, queries]);
  const behind = known > job.projection.event_id;
  useEffect(() => {
    if (behind) void queries.invalidateQueries({ queryKey: jobKey(job.id) });
  }, [behind, job.id, queries]);
}

function Row({ entry, masked }: { entry: JournalEntry; masked: boolean }) {
  const { reason, ...rest } = entry.data;
  const type = <code className="journal-type">{entry.type}</code>;
  return (
    <tr>
      <td className="end number quiet">{entry.seq}</td>
      <td className="nowrap">
        <Moment at={entry.at} />
      </td>
      <td>
        {Object.keys(rest).length === 0 ? (
          <span className="no-details">{type}</span>
        ) : (
          <details>
            <summary>{type}</summary>
            <JsonView label={`Details of entry ${entry.seq}`} value={rest} masked={masked} />
          </details>
        )}
      </td>
      <td>
        {unitOf(entry)}
        {entry.attempt !== null && <span className="quiet"> attempt {entry.attempt}</span>}
      </td>
      <td className="why">
        {entry.actor !== null && <strong>{entry.actor}</strong>}
        {typeof reason === "string" && <span className="reason">{reason}</span>}
      </td>
    </tr>
  );
}

function unitOf({ step_id, data }: JournalEntry): string {
  if (step_id === null) return "";
  const item = typeof data.item === "number" ? `.${data.item}` : "";
  return `${step_id}${item}${data.compensation === true ? ".compensate" : ""}`;
}
