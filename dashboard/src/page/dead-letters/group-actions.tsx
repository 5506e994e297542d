// What can be decided about all that failed alike.
import { useState } from "react";
import { Button } from "react-aria-components";
import type { BulkVerb } from "../../api/bulk";
import type { DeadLettersQuery } from "../../api/dead-letters";
import type { Group } from "../../api/type";
import { BulkDialog } from "../decision/bulk-dialog";

const TITLE: Record<BulkVerb, string> = { retry: "Retry all", discard: "Discard all" };

export function GroupActions({ group, filter }: { group: Group; filter: DeadLettersQuery }) {
  const [open, setOpen] = useState<BulkVerb | null>(null);
  const name = <span className="hidden"> of {group.fingerprint}</span>;
  return (
    <div className="buttons start">
      <Button className="button small" onPress={() => setOpen("retry")}>
        {TITLE.retry}
        {name}
      </Button>
      <Button className="button small danger-quiet" onPress={() => setOpen("discard")}>
        {TITLE.discard}
        {name}
      </Button>
      {open !== null && (
        <BulkDialog
          action={open}
          title={TITLE[open]}
          about={`${group.error.code}, fingerprint ${group.fingerprint}`}
          meant={{ filter: { ...filter, fingerprint: group.fingerprint } }}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}
