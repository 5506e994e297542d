// Retry of what is parked: all of it, some of it, or a step with everything after it; perhaps with other parameters.
import { useState } from "react";
import { retryParked } from "../../api/decision";
import type { ParkedUnit } from "../../api/type";
import { Checkbox, OneOf, Pick, SomeOf } from "../../component/choice";
import { DecisionDialog } from "../../component/decision-dialog";
import { JsonField } from "../../component/json-field";
import { concerned, patchable, type RetryChoice, retryBody, type Scope } from "./retry-scope";
import { units, useTaken } from "./taken";

interface Props {
  jobId: string;
  /** All steps of the job, in order. */
  steps: readonly string[];
  parked: readonly ParkedUnit[];
  /** How many there are; the API lists the first 200. */
  count: number;
  onClose: () => void;
}

const FORCE_REQUIRED = "API.FORCE_REQUIRED";

export function RetryDialog(props: Props) {
  const { jobId, onClose } = props;
  // As they were when the dialog opened: nothing moves under the hand.
  const [{ steps, parked, count }] = useState(props);
  const [choice, setChoice] = useState<RetryChoice>(() => beginning(steps, parked));
  const [forceAsked, setForceAsked] = useState(false);
  const taken = useTaken();
  const set = (change: Partial<RetryChoice>) => setChoice((before) => ({ ...before, ...change }));
  const uncertain = concerned(choice, parked).some((unit) => unit.force_required);
  return (
    <DecisionDialog
      action="Retry"
      subject={jobId}
      what="What is parked runs again, in a new round of attempts. Steps that completed are kept."
      send={(reason, key) => retryParked(jobId, retryBody(choice, parked, reason), key)}
      onTaken={(decision) => taken(decision, `Retry taken: ${units(decision.steps)} of ${jobId} runs again.`)}
      onRefused={(code) => setForceAsked(code === FORCE_REQUIRED)}
      onClose={onClose}
    >
      <OneOf
        label="What runs again"
        value={choice.scope}
        options={scopes(parked, count)}
        onChange={(scope) => set({ scope })}
      />
      {choice.scope === "some" && (
        <SomeOf
          label="Parked units"
          chosen={choice.chosen}
          options={parked.map(({ unit }) => unit)}
          onChange={(chosen) => set({ chosen })}
          needed="Choose at least one."
        />
      )}
      {choice.scope === "from" && (
        <Pick label="From step" value={choice.from} options={steps} onChange={(from) => set({ from })} />
      )}
      <Patches choice={choice} parked={parked} onChange={(patches) => set({ patches })} />
      {(uncertain || forceAsked) && (
        <Checkbox isSelected={choice.force} onChange={(force) => set({ force })}>
          <strong>Force:</strong> the last attempt may have taken effect, and running it again may do it
          twice. I have found out that it is safe.
        </Checkbox>
      )}
    </DecisionDialog>
  );
}

interface PatchesProps {
  choice: RetryChoice;
  parked: readonly ParkedUnit[];
  onChange: (patches: Record<string, string>) => void;
}

const SHOWN_OPEN = 3;

function Patches({ choice, parked, onChange }: PatchesProps) {
  const names = patchable(choice, parked);
  if (names.length === 0) return null;
  const fields = names.map((name) => (
    <JsonField
      key={name}
      label={`Patch for ${name} (JSON)`}
      name={`patch.${name}`}
      value={choice.patches[name] ?? ""}
      onChange={(text) => onChange({ ...choice.patches, [name]: text })}
      object
      placeholder='{"url": "https://…"}'
      help={
        <>
          Fields of its <code>with</code> that are replaced; left empty, it runs as it was. Partners see a new
          idempotency key.
        </>
      }
    />
  ));
  if (names.length <= SHOWN_OPEN) return fields;
  return (
    <details className="more-filters">
      <summary>Patches for {names.length} steps</summary>
      {fields}
    </details>
  );
}

function scopes(parked: readonly ParkedUnit[], count: number): [Scope, string][] {
  const all = count === 1 ? `What is parked: ${parked[0]?.unit}` : `All ${count} parked units`;
  const options: [Scope, string][] = [["all", all]];
  if (parked.length > 1) options.push(["some", "Some of them"]);
  options.push(["from", "A step and everything after it"]);
  return options;
}

function beginning(steps: readonly string[], parked: readonly ParkedUnit[]): RetryChoice {
  return { scope: "all", chosen: [], from: parked[0]?.step_id ?? steps[0] ?? "", patches: {}, force: false };
}
