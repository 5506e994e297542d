// The decisions that need nothing but a reason.
import { cancelJob, discardParked, giveUp, pauseJob, resumeJob, retryNow } from "../../api/decision";
import type { Decision } from "../../api/type";
import { DecisionDialog } from "../../component/decision-dialog";
import { useTaken } from "./taken";

type PlainAction = "cancel" | "pause" | "resume" | "discard" | "now" | "give-up";

interface Plain {
  title: string;
  what: string;
  said: string;
  danger?: boolean;
  send: (id: string, unit: string, reason: string, key: string) => Promise<Decision>;
}

const PLAIN: Record<PlainAction, Plain> = {
  cancel: {
    title: "Cancel job",
    what: "Running steps are asked to stop, what completed is compensated where a step says how, and the job ends CANCELED.",
    said: "Cancel taken: the job is asked to end.",
    danger: true,
    send: (id, _, reason) => cancelJob(id, reason),
  },
  pause: {
    title: "Pause",
    what: "No further step or attempt begins until somebody resumes the job. An attempt that runs finishes.",
    said: "Pause taken: no further step begins.",
    send: (id, _, reason, key) => pauseJob(id, reason, key),
  },
  resume: {
    title: "Resume",
    what: "The job goes on where it was paused.",
    said: "Resume taken: the job goes on.",
    send: (id, _, reason, key) => resumeJob(id, reason, key),
  },
  discard: {
    title: "Discard",
    what: "The job is given up: what completed is compensated, newest first, then it ends FAILED with resolution DISMISSED. This cannot be taken back.",
    said: "Discard taken: the job is given up.",
    danger: true,
    send: (id, _, reason, key) => discardParked(id, reason, key),
  },
  now: {
    title: "Retry now",
    what: "The next attempt begins at once instead of waiting. Attempts are counted as ever.",
    said: "Retry now taken: the next attempt begins.",
    send: retryNow,
  },
  "give-up": {
    title: "Give up",
    what: "No further attempt is made: the step fails for good, and is caught or parked as its job says.",
    said: "Give up taken: no further attempt is made.",
    danger: true,
    send: giveUp,
  },
};

interface Props {
  action: PlainAction;
  jobId: string;
  /** The step, item or compensation, of decisions about one. */
  unit?: string;
  onClose: () => void;
}

export function PlainDialog({ action, jobId, unit, onClose }: Props) {
  const { title, what, said, danger, send } = PLAIN[action];
  const taken = useTaken();
  return (
    <DecisionDialog
      action={title}
      subject={unit === undefined ? jobId : `${jobId} / ${unit}`}
      what={what}
      danger={danger}
      send={(reason, key) => send(jobId, unit ?? "", reason, key)}
      onTaken={(decision) => taken(decision, said)}
      onClose={onClose}
    />
  );
}
