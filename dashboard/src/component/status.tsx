// A state of a job, a step or an attempt: as a word, a colour and a picture.
import type { JobStatus, Outcome, StepStatus } from "../api/type";
import { Icon, type IconName } from "./icon";

export type State = JobStatus | StepStatus | Outcome;
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
