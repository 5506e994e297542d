// What a retry is about, as the dialog has it, and the body that says so to the API.
import type { ParkedUnit, RetryBody } from "../../api/type";
import { readObject } from "../../json/reading";

export type Scope = "all" | "some" | "from";

export interface RetryChoice {
  scope: Scope;
  chosen: string[];
  from: string;
  /** JSON as it is typed, by what it is for. */
  patches: Record<string, string>;
  force: boolean;
}

/** The units that would run again, as far as they are parked. */
export function concerned(choice: RetryChoice, parked: readonly ParkedUnit[]): ParkedUnit[] {
  if (choice.scope === "some") return parked.filter(({ unit }) => choice.chosen.includes(unit));
  return choice.scope === "from" ? [] : [...parked];
}

/** What can be patched: steps (their items share one `with`), and what undoes them. */
export function patchable(choice: RetryChoice, parked: readonly ParkedUnit[]): string[] {
  if (choice.scope === "from") return [choice.from];
  const names = concerned(choice, parked).map(({ unit, step_id }) =>
    unit.endsWith(".compensate") ? `${step_id}.compensate` : step_id,
  );
  return [...new Set(names)];
}

export function retryBody(choice: RetryChoice, parked: readonly ParkedUnit[], reason: string): RetryBody {
  const patch = patchOf(choice, patchable(choice, parked));
  return {
    reason,
    force: choice.force,
    ...(choice.scope === "some" ? { steps: choice.chosen } : {}),
    ...(choice.scope === "from" ? { from_step: choice.from } : {}),
    ...(patch === null ? {} : { patch }),
  };
}

function patchOf(choice: RetryChoice, names: readonly string[]): NonNullable<RetryBody["patch"]> | null {
  const patch: NonNullable<RetryBody["patch"]> = {};
  for (const name of names) {
    const read = readObject(choice.patches[name] ?? "");
    if (read.ok && Object.keys(read.value).length > 0) patch[name] = read.value;
  }
  return Object.keys(patch).length > 0 ? patch : null;
}
