// Failing but alive: what is being retried now, live, with retry now and give up.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { type RetryingQuery, retryingList } from "../../api/dead-letters";
import { mayDecide, me } from "../../api/session";
import { Empty } from "../../component/empty";
import { FilterBar, FilterText } from "../../component/filter";
import { Freshness, Trouble } from "../../component/freshness";
import { More } from "../../component/more";
import { Page } from "../../component/page";
import { RoleNote } from "../../component/role-note";
import { PlainDialog } from "../decision/plain-dialog";
import { labelsOf, labelText } from "../label";
import { type Chosen, RetryingTable } from "./table";

const route = getRouteApi("/shell/retrying");
const FIELDS = [
  ["error_code", "Error code"],
  ["type", "Type"],
  ["queue", "Queue"],
  ["fingerprint", "Fingerprint"],
] as const;

export function RetryingPage() {
  const search = route.useSearch();
  const list = useInfiniteQuery(retryingList(search));
  const { data: who } = useQuery(me);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const jobs = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Page title="Retrying now" aside={<Freshness updatedAt={list.dataUpdatedAt} error={list.error} />}>
      <p className="intro">
        Steps that failed and will be attempted again by themselves. Nothing has to be done.
      </p>
      <Filter />
      <Trouble error={list.error} known={list.data !== undefined} />
      {who !== undefined && !mayDecide(who.role) && <RoleNote actor={who.actor} role={who.role} />}
      {list.data !== undefined && jobs.length === 0 && (
        <Empty title="Nothing is being retried">
          What fails and is attempted again appears here by itself.
        </Empty>
      )}
      {jobs.length > 0 && (
        <>
          <RetryingTable
            jobs={jobs}
            mayDecide={who !== undefined && mayDecide(who.role)}
            onChoose={setChosen}
          />
          <More
            shown={jobs.length}
            noun={["job", "jobs"]}
            hasMore={list.hasNextPage}
            isLoading={list.isFetchingNextPage}
            onMore={() => void list.fetchNextPage()}
          />
        </>
      )}
      {chosen !== null && <PlainDialog {...chosen} onClose={() => setChosen(null)} />}
    </Page>
  );
}

function Filter() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change = (changed: RetryingQuery) =>
    void navigate({ search: (before) => ({ ...before, ...changed }), replace: true, resetScroll: false });
  const filtered = Object.values(search).some((value) => value !== undefined);
  return (
    <FilterBar
      label="Filter retrying jobs"
      isFiltered={filtered}
      onClear={() => void navigate({ search: {}, replace: true, resetScroll: false })}
    >
      <FilterText
        label="Search"
        type="search"
        wide
        placeholder="Words in name, labels or error"
        value={search.q ?? ""}
        onCommit={(q) => change({ q })}
      />
      {FIELDS.map(([name, label]) => (
        <FilterText
          key={name}
          label={label}
          value={search[name] ?? ""}
          onCommit={(text) => change({ [name]: text })}
        />
      ))}
      <FilterText
        label="Label"
        placeholder="team=billing"
        value={labelText(search.label)}
        onCommit={(text) => change({ label: labelsOf(text) })}
      />
    </FilterBar>
  );
}
