// The buttons by which somebody decides about a job, and their dialogs; for who may not, why there are none.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button, Group } from "react-aria-components";
import { deadLetter } from "../../api/dead-letters";
import { isFinal } from "../../api/jobs";
import { asProblem } from "../../api/problem";
import { mayDecide } from "../../api/session";
import type { DeadLetterEntry, Job, Principal } from "../../api/type";
import { ProblemNote } from "../../component/problem-note";
import { RoleNote } from "../../component/role-note";
import { allowed, hasParked, type JobAction } from "../decision/allowed";
import { PlainDialog } from "../decision/plain-dialog";
import { RetryDialog } from "../decision/retry-dialog";
import { SkipDialog } from "../decision/skip-dialog";

const LABEL: Record<JobAction, string> = {
  retry: "Retry",
  skip: "Skip",
  discard: "Discard",
  pause: "Pause",
  resume: "Resume",
  cancel: "Cancel job",
};

export function JobActions({ job, who }: { job: Job; who: Principal }) {
  const [open, setOpen] = useState<JobAction | null>(null);
  const parked = useQuery({ ...deadLetter(job.id), enabled: hasParked(job) });
  if (!mayDecide(who.role))
    return isFinal(job.status) ? null : <RoleNote actor={who.actor} role={who.role} />;
  const actions = allowed(job);
  return (
    <>
      {actions.length > 0 && (
        <Group className="buttons start" aria-label="Decide about this job">
          {actions.map((action) => (
            <Button key={action} className={styleOf(action)} onPress={() => setOpen(action)}>
              {LABEL[action]}
            </Button>
          ))}
        </Group>
      )}
      {open !== null && parked.data === undefined && parked.error !== null && (
        <ProblemNote problem={asProblem(parked.error)} urgent />
      )}
      {open !== null && (
        <ActionDialog action={open} job={job} letter={parked.data} onClose={() => setOpen(null)} />
      )}
    </>
  );
}

function styleOf(action: JobAction): string {
  if (action === "retry" || action === "resume") return "button primary";
  return action === "discard" || action === "cancel" ? "button danger-quiet" : "button";
}

interface DialogProps {
  action: JobAction;
  job: Job;
  /** Not there while it is being read. */
  letter: DeadLetterEntry | undefined;
  onClose: () => void;
}

function ActionDialog({ action, job, letter, onClose }: DialogProps) {
  if (action !== "retry" && action !== "skip")
    return <PlainDialog action={action} jobId={job.id} onClose={onClose} />;
  if (letter === undefined) return null;
  if (action === "skip") return <SkipDialog jobId={job.id} parked={letter.parked} onClose={onClose} />;
  const steps = job.steps.map(({ id }) => id);
  return (
    <RetryDialog
      jobId={job.id}
      steps={steps}
      parked={letter.parked}
      count={letter.parked_count}
      onClose={onClose}
    />
  );
}
