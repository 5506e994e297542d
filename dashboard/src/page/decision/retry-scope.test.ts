// What the retry dialog sends.
import { expect, test } from "vitest";
import type { ParkedUnit } from "../../api/type";
import { patchable, type RetryChoice, retryBody } from "./retry-scope";

function parked(unit: string, stepId: string): ParkedUnit {
  const error = { code: "STEP.HTTP.4XX", class: "PERMANENT", message: "no", fingerprint: "f" };
  const fixed = {
    step_type: "HTTP_CALL",
    round: 1,
    parked_at: "2026-01-01T00:00:00.000Z",
    http_status: null,
  };
  return { unit, step_id: stepId, error, force_required: false, runbook: null, ...fixed };
}

const UNITS = [parked("book", "book"), parked("notify.7", "notify"), parked("notify.8", "notify")];
const ALL: RetryChoice = { scope: "all", chosen: [], from: "book", patches: {}, force: false };

test("everything that is parked is meant where nothing is chosen", () => {
  expect(retryBody(ALL, UNITS, "why")).toEqual({ reason: "why", force: false });
});

test("items of a fan-out share one patch", () => {
  expect(patchable(ALL, UNITS)).toEqual(["book", "notify"]);
});

test("a compensation has a patch of its own", () => {
  expect(patchable(ALL, [parked("book.compensate", "book")])).toEqual(["book.compensate"]);
});

test("a patch of what does not run again is not sent", () => {
  const patches = { book: '{"url": "b"}', notify: '{"url": "n"}' };
  const choice: RetryChoice = { ...ALL, scope: "some", chosen: ["notify.7"], patches };
  expect(retryBody(choice, UNITS, "why")).toEqual({
    reason: "why",
    force: false,
    steps: ["notify.7"],
    patch: { notify: { url: "n" } },
  });
});

test("a retry from a step names the step alone", () => {
  const choice: RetryChoice = { ...ALL, scope: "from", from: "reserve", patches: { reserve: " " } };
  expect(retryBody(choice, UNITS, "why")).toEqual({ reason: "why", force: false, from_step: "reserve" });
});
