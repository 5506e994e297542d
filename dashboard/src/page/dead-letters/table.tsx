// Parked jobs as a table: what is parked, why, since when and for how long it is kept.
import { Link } from "@tanstack/react-router";
import type { DeadLetter } from "../../api/type";
import { ErrorLine } from "../../component/error-line";
import { Moment } from "../../component/moment";

const UNITS_SHOWN = 3;

interface Props {
  letters: readonly DeadLetter[];
  /** Ids of those that are chosen for a decision about several; undefined where nobody may take one. */
  chosen: ReadonlySet<string> | undefined;
  onChoose: (ids: readonly string[], isChosen: boolean) => void;
}

export function DeadLettersTable({ letters, chosen, onChoose }: Props) {
  const ids = letters.map(({ id }) => id);
  const all = chosen !== undefined && ids.every((id) => chosen.has(id));
  return (
    <div className="table-frame">
      <table className="stacks">
        <caption className="hidden">Jobs with something parked, the last parked first</caption>
        <thead>
          <tr>
            {chosen !== undefined && (
              <th scope="col" className="tick">
                <input
                  type="checkbox"
                  aria-label="Choose all that are shown"
                  checked={all}
                  onChange={() => onChoose(ids, !all)}
                />
              </th>
            )}
            <th scope="col">Job</th>
            <th scope="col">Parked</th>
            <th scope="col">Why</th>
            <th scope="col">Since</th>
            <th scope="col" className="wide-only">
              Given up
            </th>
          </tr>
        </thead>
        <tbody>
          {letters.map((letter) => (
            <Row
              key={letter.id}
              letter={letter}
              isChosen={chosen?.has(letter.id)}
              onChoose={(isChosen) => onChoose([letter.id], isChosen)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  letter: DeadLetter;
  isChosen: boolean | undefined;
  onChoose: (isChosen: boolean) => void;
}

function Row({ letter, isChosen, onChoose }: RowProps) {
  const first = letter.parked[0];
  const shown = letter.parked.slice(0, UNITS_SHOWN);
  return (
    <tr>
      {isChosen !== undefined && (
        <td className="tick">
          <input
            type="checkbox"
            aria-label={`Choose ${letter.id}`}
            checked={isChosen}
            onChange={() => onChoose(!isChosen)}
          />
        </td>
      )}
      <th scope="row">
        <Link to="/dead-letters/$jobId" params={{ jobId: letter.id }} className="row-link">
          {letter.id}
        </Link>
        <span className="under">
          {letter.job.name}
          {letter.job.type !== "INLINE" && ` · ${letter.job.type}`}
        </span>
      </th>
      <td>
        {shown.map(({ unit }) => (
          <code key={unit} className="unit">
            {unit}
          </code>
        ))}
        {letter.parked_count > shown.length && (
          <span className="under">and {letter.parked_count - shown.length} more</span>
        )}
      </td>
      <td className="why">{first !== undefined && <ErrorLine error={first.error} />}</td>
      <td className="nowrap">
        <Moment at={letter.parked_at} />
      </td>
      <td className="nowrap wide-only">
        <Moment at={letter.expires_at} none="never" />
      </td>
    </tr>
  );
}
