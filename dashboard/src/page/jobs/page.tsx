// The list of jobs, live; its filters are the page's address.
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { jobList } from "../../api/jobs";
import { Empty } from "../../component/empty";
import { Freshness, Trouble } from "../../component/freshness";
import { More } from "../../component/more";
import { Page } from "../../component/page";
import { isFiltered, type JobsSearch } from "./filter";
import { JobsFilter } from "./filter-form";
import { JobsTable } from "./table";

const route = getRouteApi("/shell/jobs");

export function JobsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const list = useInfiniteQuery(jobList(search));
  const change = (changed: JobsSearch) =>
    void navigate({ search: (before) => ({ ...before, ...changed }), replace: true, resetScroll: false });
  const clear = () => void navigate({ search: {}, replace: true, resetScroll: false });
  const jobs = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Page title="Jobs" aside={<Freshness updatedAt={list.dataUpdatedAt} error={list.error} />}>
      <JobsFilter search={search} onChange={change} onClear={clear} />
      <Trouble error={list.error} known={list.data !== undefined} />
      {list.data !== undefined && jobs.length === 0 && <NoJobs filtered={isFiltered(search)} />}
      {jobs.length > 0 && (
        <>
          <JobsTable jobs={jobs} />
          <More
            shown={jobs.length}
            noun={["job", "jobs"]}
            hasMore={list.hasNextPage}
            isLoading={list.isFetchingNextPage}
            onMore={() => void list.fetchNextPage()}
          />
        </>
      )}
    </Page>
  );
}

function NoJobs({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return <Empty title="No job fits these filters">Take one of them away, or look for fewer words.</Empty>;
  }
  return (
    <Empty title="There are no jobs yet">
      Submit the first one, and it appears here by itself:
      <pre>
        <code>perdure jobs submit examples/hello.json</code>
      </pre>
    </Empty>
  );
}
