// What surrounds what is parked: the job's input, the outputs so far, the other steps.
import type { DeadLetterEntry, Step } from "../../api/type";
import { JsonView } from "../../component/json-view";
import { Section } from "../../component/section";
import { Status } from "../../component/status";

export function LetterContext({ entry, masked }: { entry: DeadLetterEntry; masked: boolean }) {
  const { job } = entry;
  const done = job.steps.filter((step) => step.output !== null);
  return (
    <>
      <Section title="Where it stands">
        <ol className="plain chain">
          {job.steps.map((step) => (
            <li key={step.id}>
              <code>{step.id}</code> <Status state={step.status} />
            </li>
          ))}
        </ol>
      </Section>
      <div className="side-by-side">
        <Section title="Input">
          <JsonView label="Input" value={job.input} masked={masked} />
        </Section>
        <Section title="Outputs so far">
          {done.length === 0 && <p className="quiet">No step has an output yet.</p>}
          {done.map((step) => (
            <Output key={step.id} step={step} masked={masked} />
          ))}
        </Section>
      </div>
    </>
  );
}

function Output({ step, masked }: { step: Step; masked: boolean }) {
  return (
    <>
      <h3>
        <code>{step.id}</code>
      </h3>
      <JsonView label={`Output of ${step.id}`} value={step.output} masked={masked} />
    </>
  );
}
