// The dialog in which a decision is taken: what it does, why, and what the API says of it. One dialog, one decision.
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { newKey } from "../api/decision";
import { asProblem } from "../api/problem";
import { CheckedForm } from "./checked-form";
import { Dialog } from "./dialog";
import { Field } from "./field";
import { ProblemNote } from "./problem-note";

interface Props<T> {
  /** Names the dialog and its button. */
  action: string;
  subject: string;
  what: ReactNode;
  danger?: boolean;
  /** More fields, before the reason. */
  children?: ReactNode;
  send: (reason: string, key: string) => Promise<T>;
  onTaken: (decision: T) => void;
  onRefused?: (code: string) => void;
  onClose: () => void;
}

const REASON_LENGTH = 2_000;

export function DecisionDialog<T>(props: Props<T>) {
  const { action, subject, what, danger, children, onClose } = props;
  const [reason, setReason] = useState("");
  // Made once: a double click, or sending again after a time-out, is one decision.
  const [key] = useState(newKey);
  const sending = useRef(false);
  const taking = useMutation({
    mutationFn: () => props.send(reason.trim(), key),
    onSuccess: (decision) => {
      onClose();
      props.onTaken(decision);
    },
    onError: (error) => props.onRefused?.(asProblem(error).code),
    onSettled: () => {
      sending.current = false;
    },
  });
  const problem = taking.error === null ? null : asProblem(taking.error);
  const submit = () => {
    if (sending.current) return;
    sending.current = true;
    taking.mutate();
  };
  return (
    <Dialog title={action} onClose={onClose}>
      <CheckedForm onSubmit={submit}>
        <p className="subject">
          <code>{subject}</code>
        </p>
        <p>{what}</p>
        {children}
        <Field
          label="Reason"
          name="reason"
          value={reason}
          onChange={setReason}
          isRequired
          autoFocus={children === undefined}
          rows={2}
          maxLength={REASON_LENGTH}
          help="Kept in the job's journal with who decided."
          needed="Say why: who reads the journal wants to know."
        />
        {problem !== null && !taking.isPending && <ProblemNote problem={problem} urgent />}
        {problem?.mayTakeEffect && (
          <p className="help">
            Whether it was taken is not known: look at the job. Sending it again from here, unchanged, is one
            decision with the first.
          </p>
        )}
        <div className="buttons">
          <Button className="button" onPress={onClose}>
            Close
          </Button>
          <Button
            type="submit"
            className={danger ? "button danger" : "button primary"}
            data-waiting={taking.isPending || undefined}
          >
            {taking.isPending ? "Sending…" : problem?.mayTakeEffect ? "Send again" : action}
          </Button>
        </div>
      </CheckedForm>
    </Dialog>
  );
}
