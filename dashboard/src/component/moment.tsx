// Moments and lengths of time: short for the eye, exact on hover and for screen readers' details.
import { useNow } from "./ticker";

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** A length in the two largest units that matter: `250 ms`, `3.2 s`, `2 min 5 s`, `3 d 4 h`. */
export function length(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const index = UNITS.findIndex(([, size]) => ms >= size);
  const [name, size] = UNITS[index] ?? UNITS[3];
  const below = UNITS[index + 1];
  const count = Math.floor(ms / size);
  const rest = below === undefined ? 0 : Math.floor((ms - count * size) / below[1]);
  return rest > 0 && below !== undefined ? `${count} ${name} ${rest} ${below[0]}` : `${count} ${name}`;
}

function rough(ms: number): string {
  const unit = UNITS.find(([, size]) => ms >= size);
  return unit === undefined ? "now" : `${Math.floor(ms / unit[1])} ${unit[0]}`;
}

/** How long ago or ahead: `12 s ago`, `in 3 min`. */
export function distance(at: number, now: number): string {
  const away = at - now;
  const said = rough(Math.abs(away));
  if (said === "now") return said;
  return away > 0 ? `in ${said}` : `${said} ago`;
}

export function exact(iso: string): string {
  const at = new Date(iso);
  const here = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  return `${here} (${iso})`;
}

export function Moment({ at, none = "–" }: { at: string | null; none?: string }) {
  return at === null ? <span className="quiet">{none}</span> : <Known at={at} />;
}

function Known({ at }: { at: string }) {
  const said = useNow((now) => distance(Date.parse(at), now));
  return (
    <time dateTime={at} title={exact(at)}>
      {said}
    </time>
  );
}

/** Counts down to a moment, by the second. */
export function Countdown({ to, done }: { to: string; done: string }) {
  const left = useNow((now) => Math.max(0, Math.ceil((Date.parse(to) - now) / 1_000)));
  return (
    <time dateTime={to} title={exact(to)} className="number">
      {left > 0 ? `in ${length(left * 1_000).replace(".0 s", " s")}` : done}
    </time>
  );
}

export function Length({ ms }: { ms: number | null }) {
  return ms === null ? <span className="quiet">–</span> : <span className="number">{length(ms)}</span>;
}

/** From one moment to another, or till now while the other is not known. */
export function Span({ from, to }: { from: string | null; to: string | null }) {
  if (from === null) return <span className="quiet">–</span>;
  return to === null ? <Since at={from} /> : <Length ms={Math.max(0, Date.parse(to) - Date.parse(from))} />;
}

function Since({ at }: { at: string }) {
  const ms = useNow((now) => Math.max(0, Math.floor((now - Date.parse(at)) / 1_000) * 1_000));
  return (
    <span className="number">{ms < 1_000 ? "just begun" : `${length(ms).replace(".0 s", " s")} so far`}</span>
  );
}
