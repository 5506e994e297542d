// How fresh a page is: live, or as of when, with what is the matter.
import { asProblem } from "../api/problem";
import { ProblemNote } from "./problem-note";
import { useNow } from "./ticker";

const LATE_MS = 25_000;

interface Props {
  updatedAt: number;
  error: Error | null;
}

/** A few words beside the heading. */
export function Freshness({ updatedAt, error }: Props) {
  const late = useNow(() => (Date.now() - updatedAt > LATE_MS ? 1 : 0));
  if (updatedAt === 0) return null;
  const stale = error !== null || late === 1;
  return (
    <p className={stale ? "fresh stale" : "fresh"}>
      <span className="fresh-dot" aria-hidden="true" />
      {stale ? `as of ${new Date(updatedAt).toLocaleTimeString()}` : "live"}
    </p>
  );
}

/** Why what is shown does not move, where it does not. What was known stays on the page below it. */
export function Trouble({ error, known }: { error: Error | null; known: boolean }) {
  return (
    <div className="trouble" role="status">
      {error !== null && (
        <>
          <ProblemNote problem={asProblem(error)} />
          {known && <p className="quiet">What follows is what was known last.</p>}
        </>
      )}
    </div>
  );
}
