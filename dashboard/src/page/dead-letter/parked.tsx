// What is parked of a job: each unit with its error, what to read about it, and its attempts.
import type { DeadLetterEntry, ParkedDetail } from "../../api/type";
import { Attempts } from "../../component/attempts";
import { ErrorLine } from "../../component/error-line";
import { Moment } from "../../component/moment";
import { Section } from "../../component/section";

export function Parked({ entry, masked }: { entry: DeadLetterEntry; masked: boolean }) {
  const hidden = entry.parked_count - entry.parked.length;
  return (
    <Section title="What is parked">
      <ul className="plain units">
        {entry.parked.map((unit) => (
          <li key={unit.unit} className="panel">
            <Unit parked={unit} isOnly={entry.parked.length === 1} masked={masked} />
          </li>
        ))}
      </ul>
      {hidden > 0 && <p className="quiet">And {hidden} more, which a retry of everything includes.</p>}
    </Section>
  );
}

function Unit({ parked, isOnly, masked }: { parked: ParkedDetail; isOnly: boolean; masked: boolean }) {
  return (
    <>
      <h3>
        <code>{parked.unit}</code> <span className="chip">{parked.step_type}</span>{" "}
        <span className="quiet small">
          parked <Moment at={parked.parked_at} />
          {parked.round > 1 && `, round ${parked.round}`}
        </span>
      </h3>
      <ErrorLine error={parked.error} runbook={parked.runbook} />
      {parked.force_required && (
        <p className="note note-warn">
          It may have taken effect: find out first. If it has, skip it with its output; if it has not, retry
          it with force.
        </p>
      )}
      <details open={isOnly}>
        <summary>
          {parked.attempt_count} {parked.attempt_count === 1 ? "attempt" : "attempts"}
        </summary>
        <Attempts
          unit={parked.unit}
          attempts={parked.attempts}
          count={parked.attempt_count}
          masked={masked}
        />
      </details>
    </>
  );
}
