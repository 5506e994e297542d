// Every decision that can be taken about a job. `key` is the Idempotency-Key: sent twice under it, it is one decision.
import { answered, client } from "./client";
import type { Decision, RetryBody, SkipBody } from "./type";

const KEY_BYTES = 16;

/** A key for one decision. Not `randomUUID`, which browsers have only over HTTPS and on localhost. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return `dashboard-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function to(id: string, key: string) {
  return { path: { job_id: id }, header: { "Idempotency-Key": key } };
}

export function cancelJob(id: string, reason: string): Promise<Decision> {
  return answered(
    client.POST("/v1/jobs/{job_id}/cancel", { params: { path: { job_id: id } }, body: { reason } }),
  );
}

export function pauseJob(id: string, reason: string, key: string): Promise<Decision> {
  return answered(client.POST("/v1/jobs/{job_id}/pause", { params: to(id, key), body: { reason } }));
}

export function resumeJob(id: string, reason: string, key: string): Promise<Decision> {
  return answered(client.POST("/v1/jobs/{job_id}/resume", { params: to(id, key), body: { reason } }));
}

export function retryParked(id: string, body: RetryBody, key: string): Promise<Decision> {
  return answered(client.POST("/v1/dead-letters/{job_id}/retry", { params: to(id, key), body }));
}

export function skipParked(id: string, body: SkipBody, key: string): Promise<Decision> {
  return answered(client.POST("/v1/dead-letters/{job_id}/skip", { params: to(id, key), body }));
}

export function discardParked(id: string, reason: string, key: string): Promise<Decision> {
  return answered(
    client.POST("/v1/dead-letters/{job_id}/discard", { params: to(id, key), body: { reason } }),
  );
}

export function retryNow(id: string, unit: string, reason: string, key: string): Promise<Decision> {
  const body = { reason, steps: [unit] };
  return answered(client.POST("/v1/retrying/{job_id}/now", { params: to(id, key), body }));
}

export function giveUp(id: string, unit: string, reason: string, key: string): Promise<Decision> {
  const body = { reason, steps: [unit] };
  return answered(client.POST("/v1/retrying/{job_id}/give-up", { params: to(id, key), body }));
}
