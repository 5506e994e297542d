// What the API refused and why: title, detail, each place that is wrong, and the code with a link to what it means.
import type { ApiProblem } from "../api/problem";
import { Icon } from "./icon";
import { Prose } from "./prose";

interface Props {
  problem: ApiProblem;
  /** It answers what somebody just did: announced at once, and with the request's id for the log. */
  urgent?: boolean;
}

export function ProblemNote({ problem, urgent = false }: Props) {
  return (
    <div className="note note-bad" role={urgent ? "alert" : undefined}>
      <Icon name="parked" />
      <div>
        <p className="note-title">{problem.title}</p>
        {!saidBelow(problem) && (
          <p>
            <Prose text={problem.detail} />
          </p>
        )}
        <Places problem={problem} />
        <p className="quiet small">
          <Code problem={problem} />
          {urgent && problem.requestId !== null && <> · request {problem.requestId}</>}
        </p>
      </div>
    </div>
  );
}

/** Of one place that is wrong the detail says the same as its line. */
function saidBelow({ detail, places: [only, ...more] }: ApiProblem): boolean {
  return only !== undefined && more.length === 0 && detail.endsWith(only.message);
}

function Places({ problem }: { problem: ApiProblem }) {
  if (problem.places.length === 0) return null;
  return (
    <ul className="places">
      {problem.places.map((place) => (
        <li key={`${place.path} ${place.code} ${place.message}`}>
          <code>{place.path}</code> {place.message}
        </li>
      ))}
    </ul>
  );
}

function Code({ problem }: { problem: ApiProblem }) {
  if (problem.link === null) return <code>{problem.code}</code>;
  return (
    <a href={problem.link} target="_blank" rel="noreferrer">
      <code>{problem.code}</code>
    </a>
  );
}
