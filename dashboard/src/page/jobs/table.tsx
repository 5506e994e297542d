// Jobs as a table: how each stands, when it began, how long it ran, and why it is so.
import { Link } from "@tanstack/react-router";
import type { JobSummary } from "../../api/type";
import { Length, Moment, Span } from "../../component/moment";
import { Status } from "../../component/status";

export function JobsTable({ jobs }: { jobs: readonly JobSummary[] }) {
  return (
    <div className="table-frame">
      <table className="stacks">
        <caption className="hidden">Jobs</caption>
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">Status</th>
            <th scope="col">Why</th>
            <th scope="col">Created</th>
            <th scope="col" className="end wide-only">
              Ran
            </th>
            <th scope="col" className="end wide-only">
              Attempts
            </th>
            <th scope="col" className="wide-only">
              Queue
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <Row key={job.id} job={job} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ job }: { job: JobSummary }) {
  return (
    <tr>
      <th scope="row">
        <Link to="/jobs/$jobId" params={{ jobId: job.id }} className="row-link">
          {job.id}
        </Link>
        <span className="under">
          {job.name}
          {job.type !== "INLINE" && ` · ${job.type}`}
        </span>
      </th>
      <td>
        <Status state={job.status} />
        {job.resolution !== null && <span className="under">{job.resolution}</span>}
      </td>
      <td className="why">{job.status_reason}</td>
      <td className="nowrap">
        <Moment at={job.created_at} />
      </td>
      <td className="end nowrap wide-only">
        {job.execution_ms === null ? (
          <Span from={job.started_at} to={job.completed_at} />
        ) : (
          <Length ms={job.execution_ms} />
        )}
      </td>
      <td className="end number wide-only">{job.attempts}</td>
      <td className="wide-only">{job.queue}</td>
    </tr>
  );
}
