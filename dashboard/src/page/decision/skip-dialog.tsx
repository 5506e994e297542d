// Skip of a parked unit: it counts as done, with an output that later steps see.
import { useState } from "react";
import { skipParked } from "../../api/decision";
import type { ParkedUnit } from "../../api/type";
import { Pick } from "../../component/choice";
import { DecisionDialog } from "../../component/decision-dialog";
import { JsonField } from "../../component/json-field";
import { readJson } from "../../json/reading";
import { useTaken } from "./taken";

interface Props {
  jobId: string;
  parked: readonly ParkedUnit[];
  onClose: () => void;
}

export function SkipDialog(props: Props) {
  const { jobId, onClose } = props;
  const [options] = useState(() => props.parked.map(({ unit }) => unit));
  const [step, setStep] = useState(options[0] ?? "");
  const [output, setOutput] = useState("");
  const taken = useTaken();
  return (
    <DecisionDialog
      action="Skip"
      subject={options.length === 1 ? `${jobId} / ${step}` : jobId}
      what={
        <>
          <code>{step}</code> counts as done without running again, and the job goes on. Later steps see the
          output that you give.
        </>
      }
      send={(reason, key) => skipParked(jobId, { reason, step, output: typed(output) }, key)}
      onTaken={(decision) => taken(decision, `Skip taken: ${jobId} goes on without ${step}.`)}
      onClose={onClose}
    >
      {options.length > 1 && <Pick label="Parked unit" value={step} options={options} onChange={setStep} />}
      <JsonField
        label="Output (JSON)"
        name="output"
        value={output}
        onChange={setOutput}
        isRequired
        placeholder='{"status": 201}'
        help="Where nothing is meant, write null."
      />
    </DecisionDialog>
  );
}

/** The field has checked that it is JSON. */
function typed(text: string): unknown {
  const read = readJson(text);
  return read.ok ? read.value : null;
}
