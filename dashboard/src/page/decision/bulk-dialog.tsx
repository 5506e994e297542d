// A decision about many parked jobs: how many it would be, a few first, not too quickly, and why.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { type BulkVerb, bulkPreview, type Meant, startBulk } from "../../api/bulk";
import { asProblem } from "../../api/problem";
import { DecisionDialog } from "../../component/decision-dialog";
import { Field } from "../../component/field";
import { ProblemNote } from "../../component/problem-note";

interface Props {
  action: BulkVerb;
  /** Names the dialog and its button, such as `Retry all`. */
  title: string;
  about: string;
  meant: Meant;
  onClose: () => void;
}

const WHAT: Record<BulkVerb, string> = {
  retry: "What is parked of these jobs runs again, as it was. Completed steps are kept.",
  discard:
    "These jobs are given up: what completed is compensated, then each ends FAILED with resolution DISMISSED. This cannot be taken back.",
};

export function BulkDialog({ action, title, about, meant, onClose }: Props) {
  const [asked] = useState(meant);
  const [canary, setCanary] = useState("");
  const [rate, setRate] = useState("");
  const navigate = useNavigate();
  const preview = useQuery(bulkPreview(action, asked));
  const wish = (reason: string) => ({
    action,
    meant: asked,
    reason,
    canary: numberOf(canary),
    rate: numberOf(rate),
  });
  return (
    <DecisionDialog
      action={title}
      subject={about}
      what={WHAT[action]}
      danger={action === "discard"}
      send={(reason, key) => startBulk(wish(reason), key)}
      onTaken={({ id }) => void navigate({ to: "/bulk-actions/$actionId", params: { actionId: id } })}
      onClose={onClose}
    >
      <p aria-live="polite">
        {preview.data === undefined ? "Counting…" : <strong>{countOf(preview.data.total)}</strong>}
        {preview.data !== undefined &&
          preview.data.not_parked > 0 &&
          ` Of ${preview.data.not_parked} of them nothing is parked any more: they will refuse it.`}
      </p>
      {preview.error !== null && <ProblemNote problem={asProblem(preview.error)} urgent />}
      <Field
        label="First only so many (canary)"
        name="canary"
        value={canary}
        onChange={setCanary}
        check={(text) => (/^[1-9][0-9]{0,3}$/.test(text.trim()) ? null : "A whole number, such as 5.")}
        help="The others follow only if none of these parks again or fails within five minutes. Empty: all at once."
      />
      <Field
        label="Jobs per second at most"
        name="rate"
        value={rate}
        onChange={setRate}
        check={(text) => (Number(text) >= 0.1 && Number(text) <= 1_000 ? null : "A number from 0.1 to 1000.")}
        help="Empty: as quickly as the workers allow."
      />
    </DecisionDialog>
  );
}

function countOf(total: number): string {
  return total === 1 ? "It would be about 1 job." : `It would be about ${total} jobs.`;
}

function numberOf(text: string): number | null {
  return text.trim() === "" ? null : Number(text);
}
