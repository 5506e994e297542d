// One dead letter: what is parked and why, all there is to know for a decision, and the decision.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { deadLetter, isResolved } from "../../api/dead-letters";
import { me } from "../../api/session";
import type { DeadLetterEntry, Principal } from "../../api/type";
import { Freshness, Trouble } from "../../component/freshness";
import { Page } from "../../component/page";
import { Status } from "../../component/status";
import { LetterActions } from "./actions";
import { LetterContext } from "./context";
import { LetterFacts } from "./facts";
import { Parked } from "./parked";
import { Resolved } from "./resolved";

const route = getRouteApi("/shell/dead-letters/$jobId");

export function DeadLetterPage() {
  const { jobId } = route.useParams();
  const found = useQuery(deadLetter(jobId));
  const { data: who } = useQuery(me);
  const resolved = isResolved(found.error);
  const fresh = <Freshness updatedAt={found.dataUpdatedAt} error={resolved ? null : found.error} />;
  const heading = <span className="breaks">{jobId}</span>;
  return (
    <Page key={jobId} title={`Dead letter ${jobId}`} heading={heading} aside={resolved ? null : fresh}>
      <Trouble error={resolved ? null : found.error} known={found.data !== undefined} />
      {!resolved && found.data !== undefined && <Stand entry={found.data} />}
      {found.data !== undefined && who !== undefined && (
        <LetterActions entry={found.data} who={who} hidden={resolved} />
      )}
      {resolved && <Resolved jobId={jobId} />}
      {!resolved && found.data !== undefined && who !== undefined && <Entry entry={found.data} who={who} />}
    </Page>
  );
}

function Stand({ entry }: { entry: DeadLetterEntry }) {
  return (
    <p className="job-status">
      <Status state={entry.job.status} />
      <span>{entry.job.status_reason}</span>
    </p>
  );
}

function Entry({ entry, who }: { entry: DeadLetterEntry; who: Principal }) {
  const masked = !who.payloads;
  return (
    <>
      <LetterFacts entry={entry} />
      <Parked entry={entry} masked={masked} />
      <LetterContext entry={entry} masked={masked} />
    </>
  );
}
