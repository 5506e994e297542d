// What can be decided about the parked jobs that are chosen in the list.
import { useState } from "react";
import { Button } from "react-aria-components";
import type { BulkVerb } from "../../api/bulk";
import { BulkDialog } from "../decision/bulk-dialog";

const TITLE: Record<BulkVerb, string> = { retry: "Retry chosen", discard: "Discard chosen" };

export function Selection({ chosen, onClear }: { chosen: ReadonlySet<string>; onClear: () => void }) {
  const [open, setOpen] = useState<BulkVerb | null>(null);
  return (
    <div className="selection">
      <p className="quiet" aria-live="polite">
        {chosen.size === 0 ? "Choose jobs to decide about several at once." : `${chosen.size} chosen`}
      </p>
      {chosen.size > 0 && (
        <>
          <Button className="button small" onPress={() => setOpen("retry")}>
            {TITLE.retry}
          </Button>
          <Button className="button small danger-quiet" onPress={() => setOpen("discard")}>
            {TITLE.discard}
          </Button>
          <Button className="button small quiet-button" onPress={onClear}>
            Choose none
          </Button>
        </>
      )}
      {open !== null && (
        <BulkDialog
          action={open}
          title={TITLE[open]}
          about={chosen.size === 1 ? "1 chosen job" : `${chosen.size} chosen jobs`}
          meant={{ ids: [...chosen] }}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}
