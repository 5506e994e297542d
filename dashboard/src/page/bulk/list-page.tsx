// Bulk actions, newest first: what was decided about many jobs at once, by whom, and how far it is.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { bulkList } from "../../api/bulk";
import type { BulkAction } from "../../api/type";
import { Empty } from "../../component/empty";
import { Freshness, Trouble } from "../../component/freshness";
import { Moment } from "../../component/moment";
import { More } from "../../component/more";
import { Page } from "../../component/page";
import { Status } from "../../component/status";
import { Views } from "../dead-letters/views";

export function BulkActionsPage() {
  const list = useInfiniteQuery(bulkList);
  const actions = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Page title="Bulk actions" aside={<Freshness updatedAt={list.dataUpdatedAt} error={list.error} />}>
      <Views search={{}} />
      <Trouble error={list.error} known={list.data !== undefined} />
      {list.data !== undefined && actions.length === 0 && (
        <Empty title="There are no bulk actions yet">
          Choose several parked jobs, or all of a kind of failure, and decide about them at once.
        </Empty>
      )}
      {actions.length > 0 && (
        <>
          <BulkTable actions={actions} />
          <More
            shown={actions.length}
            noun={["bulk action", "bulk actions"]}
            hasMore={list.hasNextPage}
            isLoading={list.isFetchingNextPage}
            onMore={() => void list.fetchNextPage()}
          />
        </>
      )}
    </Page>
  );
}

function BulkTable({ actions }: { actions: readonly BulkAction[] }) {
  return (
    <div className="table-frame">
      <table className="stacks">
        <caption className="hidden">Bulk actions, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Action</th>
            <th scope="col">Status</th>
            <th scope="col">Outcomes</th>
            <th scope="col">Who and why</th>
            <th scope="col">Requested</th>
          </tr>
        </thead>
        <tbody>
          {actions.map((action) => (
            <tr key={action.id}>
              <th scope="row">
                <Link to="/bulk-actions/$actionId" params={{ actionId: action.id }} className="row-link">
                  {action.action} of {action.total} {action.total === 1 ? "job" : "jobs"}
                </Link>
              </th>
              <td>
                <Status state={action.status} />
              </td>
              <td>{outcomes(action.counts)}</td>
              <td className="why">
                <strong>{action.requested_by}</strong>
                <span className="reason">{action.reason}</span>
              </td>
              <td className="nowrap">
                <Moment at={action.requested_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function outcomes(counts: BulkAction["counts"]): string {
  const said = Object.entries(counts).filter(([, count]) => (count ?? 0) > 0);
  return said.map(([status, count]) => `${count} ${status}`).join(", ");
}
