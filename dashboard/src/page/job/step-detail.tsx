// One step, opened: what can be done now, its attempts, its items, its output, how it was undone.
import { useState } from "react";
import { Button } from "react-aria-components";
import { isFinal } from "../../api/jobs";
import { mayDecide } from "../../api/session";
import type { Job, Principal, Step } from "../../api/type";
import { Attempts } from "../../component/attempts";
import { JsonView } from "../../component/json-view";
import { exact } from "../../component/moment";
import { PlainDialog } from "../decision/plain-dialog";
import { Items } from "./items";

interface Props {
  job: Job;
  step: Step;
  who: Principal;
}

export function StepDetail({ job, step, who }: Props) {
  const masked = !who.payloads;
  return (
    <div className="step-detail">
      {mayDecide(who.role) && <Hurry jobId={job.id} step={step} />}
      {step.items === null ? (
        <Attempts unit={step.id} attempts={step.attempts} count={step.attempt_count} masked={masked} />
      ) : (
        <Items jobId={job.id} step={step} settled={isFinal(job.status)} masked={masked} />
      )}
      {step.decisions.length > 0 && <Approvals step={step} />}
      {step.output !== null && (
        <>
          <h3>Output</h3>
          <JsonView label={`Output of ${step.id}`} value={step.output} masked={masked} />
        </>
      )}
      {step.compensation !== null && (
        <Attempts
          unit={`${step.id}.compensate`}
          attempts={step.compensation.attempts}
          count={step.compensation.attempt_count}
          masked={masked}
        />
      )}
    </div>
  );
}

function Hurry({ jobId, step }: { jobId: string; step: Step }) {
  const [open, setOpen] = useState<"now" | "give-up" | null>(null);
  const waits = step.status === "RETRYING" && step.items === null;
  return (
    <>
      {waits && (
        <div className="buttons start">
          <Button className="button small" onPress={() => setOpen("now")}>
            Retry now
          </Button>
          <Button className="button small danger-quiet" onPress={() => setOpen("give-up")}>
            Give up
          </Button>
        </div>
      )}
      {open !== null && (
        <PlainDialog action={open} jobId={jobId} unit={step.id} onClose={() => setOpen(null)} />
      )}
    </>
  );
}

function Approvals({ step }: { step: Step }) {
  return (
    <>
      <h3>Approvals</h3>
      <ul className="plain">
        {step.decisions.map((said) => (
          <li key={`${said.actor} ${said.at}`} title={exact(said.at)}>
            {said.actor ?? "somebody"} said {said.decision}
            {said.reason !== null && `: ${said.reason}`}
          </li>
        ))}
      </ul>
    </>
  );
}
