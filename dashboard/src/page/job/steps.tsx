// The steps of a job in a table; each opens to its attempts, its items, its output and what can be done now.
import { useState } from "react";
import { Button } from "react-aria-components";
import type { Job, Principal, Step } from "../../api/type";
import { Icon } from "../../component/icon";
import { Span } from "../../component/moment";
import { Section } from "../../component/section";
import { Status } from "../../component/status";
import { StepDetail } from "./step-detail";
import { StepWhy } from "./step-why";

const COLUMNS = 5;

export function Steps({ job, who }: { job: Job; who: Principal }) {
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const toggle = (id: string) =>
    setToggled((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  return (
    <Section title="Steps">
      <div className="table-frame">
        <table>
          <caption className="hidden">Steps, in the order of the job's spec</caption>
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col">Status</th>
              <th scope="col">What</th>
              <th scope="col" className="end">
                Attempts
              </th>
              <th scope="col" className="end">
                Took
              </th>
            </tr>
          </thead>
          <tbody>
            {job.steps.map((step) => (
              <StepRows
                key={step.id}
                job={job}
                step={step}
                who={who}
                isOpen={toggled.has(step.id)}
                onToggle={() => toggle(step.id)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

interface RowsProps {
  job: Job;
  step: Step;
  who: Principal;
  isOpen: boolean;
  onToggle: () => void;
}

function StepRows({ job, step, who, isOpen, onToggle }: RowsProps) {
  const detail = `step-${step.id}`;
  return (
    <>
      <tr className={isOpen ? "opened" : undefined}>
        <th scope="row">
          <Button
            className="disclose"
            aria-expanded={isOpen}
            aria-controls={isOpen ? detail : undefined}
            onPress={onToggle}
          >
            <Icon name={isOpen ? "down" : "right"} />
            {step.id}
          </Button>
          <span className="under indented">{step.type}</span>
        </th>
        <td>
          <Status state={step.status} />
          {step.paused && <span className="under">held back</span>}
        </td>
        <td className="why">
          <StepWhy step={step} />
        </td>
        <td className="end number">{step.attempt_count}</td>
        <td className="end nowrap">
          <Span from={step.started_at} to={ended(job, step)} />
        </td>
      </tr>
      {isOpen && (
        <tr className="detail" id={detail}>
          <td colSpan={COLUMNS}>
            <StepDetail job={job} step={step} who={who} />
          </td>
        </tr>
      )}
    </>
  );
}

/** When it ended; of a step that never did, when its job did. */
function ended(job: Job, step: Step): string | null {
  return step.completed_at ?? job.completed_at;
}
