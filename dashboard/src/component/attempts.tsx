// The attempts at a step: who ran each, when, how it ended, and when the next one comes.
import type { Attempt } from "../api/type";
import { ErrorLine } from "./error-line";
import { JsonView } from "./json-view";
import { Countdown, Moment, Span } from "./moment";
import { Status } from "./status";

interface Props {
  /** Of which step or item; names the table. */
  unit: string;
  attempts: readonly Attempt[];
  /** All there were; the first 3 and the last 20 of a round are kept. */
  count: number;
  masked: boolean;
}

export function Attempts({ unit, attempts, count, masked }: Props) {
  if (attempts.length === 0) return <p className="quiet">No attempt yet.</p>;
  const kept = attempts.filter((attempt) => !attempt.live).length;
  return (
    <div className="table-frame inner">
      <table>
        <caption>
          Attempts at {unit}
          {count > attempts.length && kept < count && ` (${kept} of ${count} are kept)`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Attempt</th>
            <th scope="col">Outcome</th>
            <th scope="col">Error</th>
            <th scope="col">Began</th>
            <th scope="col" className="end">
              Took
            </th>
            <th scope="col" className="wide-only">
              Worker
            </th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((attempt, index) => (
            <Row
              key={`${attempt.round}.${attempt.attempt}`}
              attempt={attempt}
              isLast={index === attempts.length - 1}
              masked={masked}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  attempt: Attempt;
  /** Only after the last one another may be to come. */
  isLast: boolean;
  masked: boolean;
}

function Row({ attempt, isLast, masked }: RowProps) {
  const { error, next_retry_at: next } = attempt;
  return (
    <tr>
      <th scope="row" className="nowrap">
        {attempt.attempt}
        {attempt.round > 1 && <span className="under">round {attempt.round}</span>}
      </th>
      <td>
        <Status state={attempt.outcome ?? "RUNNING"} />
        {attempt.live && <span className="under">seen live</span>}
      </td>
      <td className="why">
        {error === null ? <span className="quiet">–</span> : <ErrorLine error={error} />}
        {error !== null && Object.keys(error.details).length > 0 && (
          <Details details={error.details} masked={masked} />
        )}
        {isLast && attempt.live && next !== null && (
          <p className="next">
            Next attempt <Countdown to={next} done="is due" />
          </p>
        )}
      </td>
      <td className="nowrap">
        <Moment at={attempt.started_at} />
      </td>
      <td className="end nowrap">
        <Span from={attempt.started_at} to={attempt.ended_at} />
      </td>
      <td className="wide-only quiet">{attempt.worker}</td>
    </tr>
  );
}

function Details({ details, masked }: { details: Record<string, unknown>; masked: boolean }) {
  if (masked && details.masked === true) return <p className="quiet small">Details are masked.</p>;
  return (
    <details>
      <summary>Details</summary>
      <JsonView label="Error details" value={details} masked={masked} />
    </details>
  );
}
