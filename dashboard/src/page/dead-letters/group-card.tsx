// One kind of failure: what fails, how many are parked with it, when it was seen, an example.
import { Link } from "@tanstack/react-router";
import type { DeadLettersQuery } from "../../api/dead-letters";
import type { Group } from "../../api/type";
import { Bars } from "../../component/bars";
import { ErrorLine } from "../../component/error-line";
import { Moment } from "../../component/moment";
import { Fact, Facts } from "../../component/section";
import { GroupActions } from "./group-actions";

interface Props {
  group: Group;
  /** What the list is narrowed to; a decision about all of a kind means no more than that. */
  filter: DeadLettersQuery;
  mayDecide: boolean;
}

export function GroupCard({ group, filter, mayDecide }: Props) {
  const { fingerprint } = group;
  return (
    <article className="panel" aria-label={`${group.error.code}, ${group.count} parked`}>
      <div className="group-head">
        <p>
          <span className="big number">{group.count}</span> parked in {group.jobs}{" "}
          {group.jobs === 1 ? "job" : "jobs"}
        </p>
        <Bars counts={group.hours} label="Parked by hour, last two days" />
      </div>
      <ErrorLine error={group.error} runbook={group.runbook} />
      <Facts>
        <Fact name="Step type">{group.step_type}</Fact>
        <Fact name="First seen">
          <Moment at={group.first_seen} />
        </Fact>
        <Fact name="Last seen">
          <Moment at={group.last_seen} />
        </Fact>
        <Fact name="Brought home">{group.resolved}</Fact>
        <Fact name="Job types">
          {group.job_types.map(({ type, count }) => (
            <span key={type} className="chip">
              {type} {count}
            </span>
          ))}
        </Fact>
        <Fact name="Fingerprint">
          <code>{fingerprint}</code>
        </Fact>
      </Facts>
      {mayDecide && group.count > 0 && <GroupActions group={group} filter={filter} />}
      <p className="group-links">
        <Link to="/dead-letters" search={{ fingerprint }}>
          Its parked jobs
        </Link>
        <Link to="/jobs/$jobId" params={{ jobId: group.example }}>
          An example: {group.example}
        </Link>
      </p>
    </article>
  );
}
