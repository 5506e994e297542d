// A dead letter at a glance: since when, for how long it is kept, where it comes from.
import { Link } from "@tanstack/react-router";
import type { DeadLetterEntry } from "../../api/type";
import { length, Moment } from "../../component/moment";
import { Fact, Facts } from "../../component/section";
import { useNow } from "../../component/ticker";
import { JobLink } from "../job/facts";

export function LetterFacts({ entry }: { entry: DeadLetterEntry }) {
  const { job, lineage } = entry;
  return (
    <Facts>
      <Fact name="Job">
        <JobLink id={entry.id} />
      </Fact>
      <Fact name="Name">{job.name}</Fact>
      <Fact name="Type">{job.type}</Fact>
      <Fact name="Parked">
        <Moment at={entry.parked_at} />
      </Fact>
      <Fact name="Given up">
        {entry.expires_at === null ? "never by itself" : <Left until={entry.expires_at} />}
      </Fact>
      <Fact name="Submitted by">{job.submitted_by ?? "–"}</Fact>
      {lineage.parent_id !== null && (
        <Fact name="Parent">
          <JobLink id={lineage.parent_id} />
        </Fact>
      )}
      {lineage.resubmit_of !== null && (
        <Fact name="Resubmits">
          <JobLink id={lineage.resubmit_of} />
        </Fact>
      )}
      {lineage.children.length > 0 && (
        <Fact name="Children">
          <Link to="/jobs" search={{ parent: entry.id }}>
            {lineage.children.length} {lineage.children.length === 1 ? "job" : "jobs"}
          </Link>
        </Fact>
      )}
    </Facts>
  );
}

function Left({ until }: { until: string }) {
  const left = useNow((now) => length(Math.max(1_000, Date.parse(until) - now)));
  return (
    <span>
      in {left} <span className="quiet">unless somebody decides</span>
    </span>
  );
}
