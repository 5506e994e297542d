// What is known of a job at a glance.
import { Link } from "@tanstack/react-router";
import type { Job } from "../../api/type";
import { Icon } from "../../component/icon";
import { Length, Moment, Span } from "../../component/moment";
import { Fact, Facts } from "../../component/section";

export function JobFacts({ job }: { job: Job }) {
  return (
    <Facts>
      <Fact name="Name">{job.name}</Fact>
      <Fact name="Type">{job.type}</Fact>
      <Fact name="Queue">
        {job.queue} <span className="quiet">priority {job.priority}</span>
      </Fact>
      <Fact name="Submitted by">{job.submitted_by ?? <span className="quiet">–</span>}</Fact>
      <Fact name="Created">
        <Moment at={job.created_at} />
      </Fact>
      {job.start_at !== null && (
        <Fact name="Starts">
          <Moment at={job.start_at} />
        </Fact>
      )}
      <Fact name="Started">
        <Moment at={job.started_at} none="not yet" />
        {job.queue_wait_ms !== null && (
          <span className="quiet">
            {" "}
            after <Length ms={job.queue_wait_ms} />
          </span>
        )}
      </Fact>
      <Fact name="Ended">
        <Moment at={job.completed_at} none="not yet" />
      </Fact>
      <Fact name="Ran">
        {job.execution_ms === null ? (
          <Span from={job.started_at} to={job.completed_at} />
        ) : (
          <Length ms={job.execution_ms} />
        )}
      </Fact>
      <Fact name="Attempts">
        {job.attempts}{" "}
        {job.retry_count > 0 && <span className="quiet">{job.retry_count} of them retries</span>}
      </Fact>
      <Lineage job={job} />
      <Elsewhere job={job} />
    </Facts>
  );
}

function Lineage({ job }: { job: Job }) {
  const labels = Object.entries(job.labels);
  return (
    <>
      {labels.length > 0 && (
        <Fact name="Labels">
          {labels.map(([key, value]) => (
            <Link key={key} to="/jobs" search={{ label: [`${key}=${value}`] }} className="chip">
              {key}={value}
            </Link>
          ))}
        </Fact>
      )}
      {job.correlation_id !== null && (
        <Fact name="Correlation id">
          <Link to="/jobs" search={{ correlation_id: job.correlation_id }}>
            {job.correlation_id}
          </Link>
        </Fact>
      )}
      {job.parent_id !== null && (
        <Fact name="Parent">
          <JobLink id={job.parent_id} />
        </Fact>
      )}
      {job.resubmit_of !== null && (
        <Fact name="Resubmits">
          <JobLink id={job.resubmit_of} />
        </Fact>
      )}
    </>
  );
}

function Elsewhere({ job }: { job: Job }) {
  return (
    <>
      {job.trace_id !== null && (
        <Fact name="Trace">
          {job.links.trace === null ? (
            <code className="breaks">{job.trace_id}</code>
          ) : (
            <Outside href={job.links.trace}>{job.trace_id}</Outside>
          )}
        </Fact>
      )}
      <Fact name="Temporal run">
        {job.links.temporal_ui === null ? (
          <code className="breaks">{job.run_id}</code>
        ) : (
          <Outside href={job.links.temporal_ui}>Temporal Web UI</Outside>
        )}
      </Fact>
      <Fact name="Known up to">
        event {job.projection.event_id}
        {job.projection.lag_ms !== null && (
          <span className="quiet">
            {" "}
            <Length ms={job.projection.lag_ms} /> after it
          </span>
        )}
      </Fact>
    </>
  );
}

export function JobLink({ id }: { id: string }) {
  return (
    <Link to="/jobs/$jobId" params={{ jobId: id }} className="breaks">
      {id}
    </Link>
  );
}

function Outside({ href, children }: { href: string; children: string }) {
  return (
    <a href={href} target="_blank" rel="noreferrer" className="breaks">
      {children}
      <Icon name="open" />
    </a>
  );
}
