// Retry, skip and discard of one dead letter. An open dialog stays while the page below it changes.
import { useState } from "react";
import { Button, Group } from "react-aria-components";
import { mayDecide } from "../../api/session";
import type { DeadLetterEntry, Principal } from "../../api/type";
import { RoleNote } from "../../component/role-note";
import { PlainDialog } from "../decision/plain-dialog";
import { RetryDialog } from "../decision/retry-dialog";
import { SkipDialog } from "../decision/skip-dialog";

interface Props {
  entry: DeadLetterEntry;
  who: Principal;
  /** There is nothing to decide any more. */
  hidden: boolean;
}

export function LetterActions({ entry, who, hidden }: Props) {
  const [open, setOpen] = useState<"retry" | "skip" | "discard" | null>(null);
  const close = () => setOpen(null);
  if (!mayDecide(who.role)) return hidden ? null : <RoleNote actor={who.actor} role={who.role} />;
  const steps = entry.job.steps.map(({ id }) => id);
  return (
    <>
      {!hidden && (
        <Group className="buttons start" aria-label="Decide about this dead letter">
          <Button className="button primary" onPress={() => setOpen("retry")}>
            Retry
          </Button>
          <Button className="button" onPress={() => setOpen("skip")}>
            Skip
          </Button>
          <Button className="button danger-quiet" onPress={() => setOpen("discard")}>
            Discard
          </Button>
        </Group>
      )}
      {open === "retry" && (
        <RetryDialog
          jobId={entry.id}
          steps={steps}
          parked={entry.parked}
          count={entry.parked_count}
          onClose={close}
        />
      )}
      {open === "skip" && <SkipDialog jobId={entry.id} parked={entry.parked} onClose={close} />}
      {open === "discard" && <PlainDialog action="discard" jobId={entry.id} onClose={close} />}
    </>
  );
}
