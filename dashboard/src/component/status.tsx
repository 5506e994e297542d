// A state of a job, a step, an attempt or a bulk action: as a word, a colour and a picture.
import type { BulkItemStatus, BulkStatus, JobStatus, Outcome, StepStatus } from "../api/type";
import { Icon, type IconName } from "./icon";

export type State = JobStatus | StepStatus | Outcome | BulkStatus | BulkItemStatus;
type Tone = "quiet" | "busy" | "warn" | "dead" | "good" | "bad" | "off";

const SHOWN: Record<State, [Tone, IconName]> = {
  SCHEDULED: ["quiet", "clock"],
  QUEUED: ["quiet", "dots"],
  PENDING: ["quiet", "dots"],
  RUNNING: ["busy", "play"],
  RETRYING: ["warn", "again"],
  WAITING: ["busy", "hourglass"],
  PAUSED: ["warn", "pause"],
  DEAD_LETTERED: ["dead", "parked"],
  COMPLETED: ["good", "check"],
  COMPLETED_WITH_ERRORS: ["warn", "check"],
  FAILED: ["bad", "cross"],
  CANCELED: ["off", "stop"],
  TIMED_OUT: ["bad", "clock"],
  TERMINATED: ["bad", "stop"],
  LOST: ["bad", "cross"],
  SKIPPED: ["off", "skip"],
  OMITTED: ["off", "dash"],
  COMPENSATED: ["off", "undo"],
  STOPPED: ["bad", "stop"],
  ABORTED: ["off", "stop"],
  ACCEPTED: ["good", "check"],
  REFUSED: ["bad", "cross"],
  UNANSWERED: ["warn", "hourglass"],
  NOT_SENT: ["off", "dash"],
};

export function Status({ state }: { state: State }) {
  const [tone, icon] = SHOWN[state] ?? ["quiet", "dots"];
  return (
    <span className={`status tone-${tone}`}>
      <Icon name={icon} />
      {state}
    </span>
  );
}
