// The server's clock as its answers tell it, so that ages and countdowns are right where this machine's clock is wrong.
const TOLERATED_MS = 2_000;
let ahead = 0;

/** Take note of the Date of an answer (whole seconds). */
export function noteDate(header: string | null): void {
  const told = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(told)) return;
  const difference = told + 500 - Date.now();
  ahead = Math.abs(difference) > TOLERATED_MS ? difference : 0;
}

/** Milliseconds since the epoch, as the server counts them. */
export function serverNow(): number {
  return Date.now() + ahead;
}
