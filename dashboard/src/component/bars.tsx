// How many there were hour by hour, as small bars; the numbers are its name for who does not see them.
import type { Count } from "../api/type";

const HEIGHT = 28;
const WIDTH = 3;
const HOUR_MS = 3_600_000;
const HOURS = 48;

export function Bars({ counts, label }: { counts: readonly Count[]; label: string }) {
  const byHour = new Map(counts.map(({ at, count }) => [Math.floor(Date.parse(at) / HOUR_MS), count]));
  const last = Math.max(Math.floor(Date.now() / HOUR_MS), ...byHour.keys());
  const hours = Array.from({ length: HOURS }, (_, index) => last - HOURS + 1 + index);
  const most = Math.max(1, ...byHour.values());
  const sum = counts.reduce((total, { count }) => total + count, 0);
  return (
    <svg
      className="bars"
      role="img"
      aria-label={`${label}: ${sum} in all, at most ${most} in an hour`}
      viewBox={`0 0 ${HOURS * (WIDTH + 1)} ${HEIGHT}`}
    >
      {hours.map((hour, index) => {
        const count = byHour.get(hour) ?? 0;
        const height = count === 0 ? 1 : Math.max(3, (count / most) * HEIGHT);
        return (
          <rect
            key={hour}
            x={index * (WIDTH + 1)}
            y={HEIGHT - height}
            width={WIDTH}
            height={height}
            className={count === 0 ? "bar-none" : undefined}
          />
        );
      })}
    </svg>
  );
}
