// One bulk action, live: how far it is, and what became of each job.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "react-aria-components";
import { bulkAction, bulkItems, isOver } from "../../api/bulk";
import { mayDecide, me } from "../../api/session";
import type { BulkAction } from "../../api/type";
import { Freshness, Trouble } from "../../component/freshness";
import { Moment } from "../../component/moment";
import { More } from "../../component/more";
import { Page } from "../../component/page";
import { Fact, Facts, Section } from "../../component/section";
import { Status } from "../../component/status";
import { AbortDialog } from "../decision/abort-dialog";
import { BulkItems } from "./items";

const route = getRouteApi("/shell/bulk-actions/$actionId");

export function BulkActionPage() {
  const { actionId } = route.useParams();
  const found = useQuery(bulkAction(actionId));
  const fresh = <Freshness updatedAt={found.dataUpdatedAt} error={found.error} />;
  const title =
    found.data === undefined ? "Bulk action" : `Bulk ${found.data.action} of ${found.data.total} jobs`;
  return (
    <Page key={actionId} title={title} aside={fresh}>
      <Trouble error={found.error} known={found.data !== undefined} />
      {found.data !== undefined && <Whole action={found.data} />}
    </Page>
  );
}

function Whole({ action }: { action: BulkAction }) {
  const [aborting, setAborting] = useState(false);
  const { data: who } = useQuery(me);
  const running = !isOver(action.status);
  const decided = action.total - (action.counts.PENDING ?? 0);
  return (
    <>
      <p className="job-status">
        <Status state={action.status} />
        <span>{action.problem}</span>
      </p>
      <div className="progress">
        <progress value={decided} max={action.total} aria-label="Jobs decided about" />
        <span className="number" aria-live="polite">
          {decided} of {action.total}
        </span>
      </div>
      {running && who !== undefined && mayDecide(who.role) && (
        <div className="buttons start">
          <Button className="button danger-quiet" onPress={() => setAborting(true)}>
            Abort
          </Button>
        </div>
      )}
      {aborting && <AbortDialog id={action.id} onClose={() => setAborting(false)} />}
      <Facts>
        <Fact name="Reason">{action.reason}</Fact>
        <Fact name="Requested by">{action.requested_by}</Fact>
        <Fact name="Requested">
          <Moment at={action.requested_at} />
        </Fact>
        <Fact name="Ended">
          <Moment at={action.finished_at} none="not yet" />
        </Fact>
        {action.canary !== null && <Fact name="Canary">{action.canary} jobs first</Fact>}
        {action.rate_per_second !== null && (
          <Fact name="At most">{action.rate_per_second} jobs a second</Fact>
        )}
        <Fact name="Id">
          <code>{action.id}</code>
        </Fact>
      </Facts>
      <Items id={action.id} />
    </>
  );
}

function Items({ id }: { id: string }) {
  const list = useInfiniteQuery(bulkItems(id));
  const items = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Section title="Jobs">
      <Trouble error={list.error} known={list.data !== undefined} />
      {items.length > 0 && (
        <>
          <BulkItems items={items} />
          <More
            shown={items.length}
            noun={["job", "jobs"]}
            hasMore={list.hasNextPage}
            isLoading={list.isFetchingNextPage}
            onMore={() => void list.fetchNextPage()}
          />
        </>
      )}
    </Section>
  );
}
