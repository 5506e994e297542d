// What stands where a dead letter was: nothing is parked any more. The job is watched, for it may park again.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { oneJob } from "../../api/jobs";
import { Empty } from "../../component/empty";
import { Status } from "../../component/status";
import { hasParked } from "../decision/allowed";

export function Resolved({ jobId }: { jobId: string }) {
  const queries = useQueryClient();
  const { data: job } = useQuery(oneJob(jobId));
  const again = job !== undefined && hasParked(job);
  useEffect(() => {
    if (again) void queries.invalidateQueries({ queryKey: ["dead-letter", jobId] });
  }, [again, jobId, queries]);
  return (
    <Empty title="Nothing of this job is parked any more">
      {job !== undefined && (
        <p className="job-status centered" aria-live="polite">
          <Status state={job.status} />
          {job.resolution !== null && <span className="chip">{job.resolution}</span>}
          <span>{job.status_reason}</span>
        </p>
      )}
      <p>
        <Link to="/jobs/$jobId" params={{ jobId }}>
          See the job
        </Link>{" "}
        or go to <Link to="/dead-letters">what else is parked</Link>.
      </p>
    </Empty>
  );
}
