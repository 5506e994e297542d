// Stopping a bulk action: no more decisions are sent; those that were stay.
import { useQueryClient } from "@tanstack/react-query";
import { abortBulk } from "../../api/bulk";
import { DecisionDialog } from "../../component/decision-dialog";
import { useTell } from "../../component/notice";

export function AbortDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const queries = useQueryClient();
  const tell = useTell();
  return (
    <DecisionDialog
      action="Abort"
      subject={id}
      what="No more decisions are sent. What was decided stays decided."
      danger
      send={(reason) => abortBulk(id, reason)}
      onTaken={(action) => {
        tell("Abort taken: no more decisions are sent.");
        queries.setQueryData(["bulk-action", id], action);
      }}
      onClose={onClose}
    />
  );
}
