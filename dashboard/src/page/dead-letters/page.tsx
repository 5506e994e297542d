// What is parked, by job, live; its filters are the page's address.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { type DeadLettersQuery, deadLetterList } from "../../api/dead-letters";
import { mayDecide, me } from "../../api/session";
import { Empty } from "../../component/empty";
import { Freshness, Trouble } from "../../component/freshness";
import { More } from "../../component/more";
import { Page } from "../../component/page";
import { isFiltered } from "./filter";
import { DeadLettersFilter } from "./filter-form";
import { Selection } from "./selection";
import { DeadLettersTable } from "./table";
import { Views } from "./views";

const route = getRouteApi("/shell/dead-letters");

export function DeadLettersPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: who } = useQuery(me);
  const list = useInfiniteQuery(deadLetterList(search));
  const change = (changed: DeadLettersQuery) =>
    void navigate({ search: (before) => ({ ...before, ...changed }), replace: true, resetScroll: false });
  const clear = () => void navigate({ search: {}, replace: true, resetScroll: false });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const mayChoose = who !== undefined && mayDecide(who.role);
  const choose = (ids: readonly string[], isChosen: boolean) =>
    setChosen(
      (before) => new Set(isChosen ? [...before, ...ids] : [...before].filter((id) => !ids.includes(id))),
    );
  const letters = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Page title="Dead letters" aside={<Freshness updatedAt={list.dataUpdatedAt} error={list.error} />}>
      <Views search={search} />
      <DeadLettersFilter search={search} onChange={change} onClear={clear} />
      <Trouble error={list.error} known={list.data !== undefined} />
      {list.data !== undefined && letters.length === 0 && <NoLetters filtered={isFiltered(search)} />}
      {letters.length > 0 && (
        <>
          {mayChoose && <Selection chosen={chosen} onClear={() => setChosen(new Set())} />}
          <DeadLettersTable letters={letters} chosen={mayChoose ? chosen : undefined} onChoose={choose} />
          <More
            shown={letters.length}
            noun={["parked job", "parked jobs"]}
            hasMore={list.hasNextPage}
            isLoading={list.isFetchingNextPage}
            onMore={() => void list.fetchNextPage()}
          />
        </>
      )}
    </Page>
  );
}

export function NoLetters({ filtered }: { filtered: boolean }) {
  if (filtered) return <Empty title="Nothing parked fits these filters">Take one of them away.</Empty>;
  return (
    <Empty title="Nothing is parked">
      A step that has used up its attempts, or met an error that no repetition mends, parks its job here,
      until somebody retries, skips or discards it. There is nothing to do.
    </Empty>
  );
}
