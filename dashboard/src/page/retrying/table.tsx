// Jobs that fail but live: what failed, how often, when it is attempted next, and what can be done about it.
import { Link } from "@tanstack/react-router";
import { Button } from "react-aria-components";
import type { RetryingJob, RetryingUnit } from "../../api/type";
import { ErrorLine } from "../../component/error-line";
import { Countdown } from "../../component/moment";

export interface Chosen {
  action: "now" | "give-up";
  jobId: string;
  unit: string;
}

interface Props {
  jobs: readonly RetryingJob[];
  mayDecide: boolean;
  onChoose: (chosen: Chosen) => void;
}

export function RetryingTable({ jobs, mayDecide, onChoose }: Props) {
  return (
    <div className="table-frame">
      <table className="stacks">
        <caption className="hidden">Steps that failed and will be attempted again</caption>
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">Step</th>
            <th scope="col">Why</th>
            <th scope="col">Next attempt</th>
            {mayDecide && <th scope="col">Decide</th>}
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) =>
            job.retrying.map((unit) => (
              <Row
                key={`${job.id}/${unit.unit}`}
                job={job}
                unit={unit}
                mayDecide={mayDecide}
                onChoose={onChoose}
              />
            )),
          )}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  job: RetryingJob;
  unit: RetryingUnit;
  mayDecide: boolean;
  onChoose: (chosen: Chosen) => void;
}

function Row({ job, unit, mayDecide, onChoose }: RowProps) {
  const about = { jobId: job.id, unit: unit.unit };
  const name = <span className="hidden"> {`${unit.unit} of ${job.id}`}</span>;
  return (
    <tr>
      <th scope="row">
        <Link to="/jobs/$jobId" params={{ jobId: job.id }} className="row-link">
          {job.id}
        </Link>
        <span className="under">{job.job.name}</span>
      </th>
      <td>
        <code className="unit">{unit.unit}</code>
      </td>
      <td className="why">
        <ErrorLine error={unit.error} runbook={unit.runbook} />
      </td>
      <td className="nowrap">
        <Next unit={unit} />
        <span className="under">attempt {unit.attempt}</span>
      </td>
      {mayDecide && (
        <td>
          <div className="buttons start tight">
            <Button className="button small" onPress={() => onChoose({ action: "now", ...about })}>
              Retry now{name}
            </Button>
            <Button
              className="button small danger-quiet"
              onPress={() => onChoose({ action: "give-up", ...about })}
            >
              Give up{name}
            </Button>
          </div>
        </td>
      )}
    </tr>
  );
}

function Next({ unit }: { unit: RetryingUnit }) {
  if (unit.paused) return <span>paused</span>;
  if (unit.next_retry_at === null) return <span>runs now</span>;
  return <Countdown to={unit.next_retry_at} done="is due" />;
}
