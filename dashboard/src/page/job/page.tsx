// One job, whole and live: how it stands, what can be decided, its steps, its payloads, its journal.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { oneJob } from "../../api/jobs";
import { asProblem } from "../../api/problem";
import { me } from "../../api/session";
import type { Job } from "../../api/type";
import { Freshness, Trouble } from "../../component/freshness";
import { JsonView } from "../../component/json-view";
import { Page } from "../../component/page";
import { Section } from "../../component/section";
import { Status } from "../../component/status";
import { hasParked } from "../decision/allowed";
import { JobActions } from "./actions";
import { Children } from "./children";
import { JobDiagnosis } from "./diagnosis";
import { JobFacts } from "./facts";
import { Journal } from "./journal";
import { Steps } from "./steps";

const NOT_FOUND = 404;
const route = getRouteApi("/shell/jobs/$jobId");

export function JobPage() {
  const { jobId } = route.useParams();
  const found = useQuery(oneJob(jobId));
  const fresh = <Freshness updatedAt={found.dataUpdatedAt} error={found.error} />;
  return (
    <Page key={jobId} title={jobId} heading={<span className="breaks">{jobId}</span>} aside={fresh}>
      <Trouble error={found.error} known={found.data !== undefined} />
      {found.data === undefined && found.error !== null && asProblem(found.error).status === NOT_FOUND && (
        <p>
          The id may be mistyped, or the job may be another tenant's. <Link to="/jobs">See all jobs</Link>.
        </p>
      )}
      {found.data !== undefined && <Whole job={found.data} />}
    </Page>
  );
}

function Whole({ job }: { job: Job }) {
  const { data: who } = useQuery(me);
  const masked = who?.payloads !== true;
  return (
    <>
      <div className="job-head">
        <p className="job-status">
          <Status state={job.status} />
          {job.resolution !== null && <span className="chip">{job.resolution}</span>}
          <span>{job.status_reason}</span>
        </p>
        {hasParked(job) && (
          <p>
            <Link to="/dead-letters/$jobId" params={{ jobId: job.id }}>
              Its dead letter
            </Link>{" "}
            has all there is to know for a decision.
          </p>
        )}
        {who !== undefined && <JobActions job={job} who={who} />}
      </div>
      <JobFacts job={job} />
      <JobDiagnosis job={job} />
      {who !== undefined && <Steps job={job} who={who} />}
      <Children childJobs={job.children} />
      <div className="side-by-side">
        <Section title="Input">
          <JsonView label="Input" value={job.input} masked={masked} />
        </Section>
        <Section title="Output">
          {job.output === null ? (
            <p className="quiet">None{job.completed_at === null ? " yet" : ""}.</p>
          ) : (
            <JsonView label="Output" value={job.output} masked={masked} />
          )}
        </Section>
      </div>
      <Journal job={job} masked={masked} />
    </>
  );
}
