// What is parked, by kind of failure (fingerprint), the most frequent first.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type GroupsQuery, groupList } from "../../api/dead-letters";
import { mayDecide, me } from "../../api/session";
import { FilterSelect } from "../../component/filter";
import { Freshness, Trouble } from "../../component/freshness";
import { More } from "../../component/more";
import { Page } from "../../component/page";
import { isFiltered, STATES } from "./filter";
import { DeadLettersFilter } from "./filter-form";
import { GroupCard } from "./group-card";
import { NoLetters } from "./page";
import { Views } from "./views";

const route = getRouteApi("/shell/dead-letters/groups");

export function GroupsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: who } = useQuery(me);
  const list = useInfiniteQuery(groupList(search));
  const change = (changed: GroupsQuery) =>
    void navigate({ search: (before) => ({ ...before, ...changed }), replace: true, resetScroll: false });
  const clear = () => void navigate({ search: {}, replace: true, resetScroll: false });
  const groups = list.data?.pages.flatMap((page) => page.data) ?? [];
  const { state, ...filters } = search;
  return (
    <Page
      title="Dead letters by kind of failure"
      aside={<Freshness updatedAt={list.dataUpdatedAt} error={list.error} />}
    >
      <Views search={filters} />
      <DeadLettersFilter search={filters} onChange={change} onClear={clear} />
      <FilterSelect
        label="Show"
        value={state ?? "PARKED"}
        options={STATES}
        onCommit={(chosen) => change({ state: STATES.find(([name]) => name === chosen)?.[0] })}
      />
      <Trouble error={list.error} known={list.data !== undefined} />
      {list.data !== undefined && groups.length === 0 && <NoLetters filtered={isFiltered(filters)} />}
      {groups.length > 0 && (
        <>
          <ul className="plain groups">
            {groups.map((group) => (
              <li key={group.fingerprint}>
                <GroupCard
                  group={group}
                  filter={filters}
                  mayDecide={who !== undefined && mayDecide(who.role)}
                />
              </li>
            ))}
          </ul>
          <More
            shown={groups.length}
            noun={["kind of failure", "kinds of failure"]}
            hasMore={list.hasNextPage}
            isLoading={list.isFetchingNextPage}
            onMore={() => void list.fetchNextPage()}
          />
        </>
      )}
    </Page>
  );
}
