// Which decisions the state of a job and the role of who looks allow.
import { isFinal } from "../../api/jobs";
import type { Job, Step } from "../../api/type";

export type JobAction = "retry" | "skip" | "discard" | "pause" | "resume" | "cancel";

export function hasParked(job: Job): boolean {
  return job.steps.some(isParked);
}

function isParked(step: Step): boolean {
  return step.status === "DEAD_LETTERED" || step.compensation?.status === "DEAD_LETTERED";
}

/** In the order in which they are offered. */
export function allowed(job: Job): JobAction[] {
  if (isFinal(job.status)) return [];
  const parked: JobAction[] = hasParked(job) ? ["retry", "skip", "discard"] : [];
  const held: JobAction[] = job.status === "PAUSED" ? ["resume"] : ["pause"];
  return [...parked, ...held, "cancel"];
}
