// In a line: why a step is as it is. Its error, what it waits for, when it is tried again, how its items do.
import type { Step, WaitingFor } from "../../api/type";
import { CodeLink } from "../../component/error-line";
import { Countdown, Moment } from "../../component/moment";

export function StepWhy({ step }: { step: Step }) {
  const next = step.status === "RETRYING" ? step.attempts.at(-1)?.next_retry_at : null;
  return (
    <>
      {step.items !== null && <Counts counts={step.items.counts} total={step.items.total} />}
      {step.error !== null && (
        <p>
          <CodeLink code={step.error.code} /> {step.error.message}
        </p>
      )}
      {next != null && (
        <p className="next">
          Next attempt <Countdown to={next} done="is due" />
        </p>
      )}
      {step.waiting_for !== null && <Waits wait={step.waiting_for} />}
      {step.compensation !== null && <p className="quiet">Undoing it: {step.compensation.status}</p>}
    </>
  );
}

function Counts({ counts, total }: { counts: Record<string, number>; total: number }) {
  const said = Object.entries(counts).filter(([, count]) => count > 0);
  return (
    <p>
      {total} items: {said.map(([status, count]) => `${count} ${status}`).join(", ")}
    </p>
  );
}

function Waits({ wait }: { wait: WaitingFor }) {
  return (
    <p>
      {wait.kind === "APPROVAL"
        ? `Waits for ${wait.required_approvals ?? 1} approvals, has ${wait.approvals ?? 0}`
        : wait.name === null
          ? "Sleeps"
          : `Waits for ${wait.name}`}
      {wait.message !== null && `: ${wait.message}`}
      {wait.expires_at !== null && (
        <span className="quiet">
          {" "}
          until <Moment at={wait.expires_at} />
        </span>
      )}
    </p>
  );
}
