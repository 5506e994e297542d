// The filters of the list of jobs.
import {
  FilterBar,
  FilterChecks,
  FilterMoment,
  FilterSelect,
  FilterText,
  MoreFilters,
} from "../../component/filter";
import { Status } from "../../component/status";
import { labelsOf, labelText } from "../label";
import { isFiltered, type JobsSearch, SELDOM, SORTS, STATUSES } from "./filter";

interface Props {
  search: JobsSearch;
  onChange: (change: JobsSearch) => void;
  onClear: () => void;
}

export function JobsFilter({ search, onChange, onClear }: Props) {
  const seldom = SELDOM.some(([name]) => search[name]) || Boolean(search.since ?? search.until);
  return (
    <FilterBar label="Filter jobs" isFiltered={isFiltered(search)} onClear={onClear}>
      <FilterText
        label="Search"
        type="search"
        wide
        placeholder="Words in name, labels or error"
        value={search.q ?? ""}
        onCommit={(q) => onChange({ q })}
      />
      <FilterText label="Type" value={search.type ?? ""} onCommit={(type) => onChange({ type })} />
      <FilterText label="Queue" value={search.queue ?? ""} onCommit={(queue) => onChange({ queue })} />
      <FilterText
        label="Label"
        placeholder="team=billing"
        value={labelText(search.label)}
        onCommit={(text) => onChange({ label: labelsOf(text) })}
      />
      <FilterSelect
        label="Order"
        value={search.sort ?? "-created_at"}
        options={SORTS}
        onCommit={(sort) => onChange({ sort: SORTS.find(([name]) => name === sort)?.[0] })}
      />
      <FilterChecks
        label="Status"
        chosen={search.status ?? []}
        options={STATUSES}
        show={(status) => <Status state={status} />}
        onCommit={(status) => onChange({ status })}
      />
      <MoreFilters inUse={seldom}>
        {SELDOM.map(([name, label]) => (
          <FilterText
            key={name}
            label={label}
            value={search[name] ?? ""}
            onCommit={(value) => onChange({ [name]: value })}
          />
        ))}
        <FilterMoment
          label="Created since"
          value={search.since ?? ""}
          onCommit={(since) => onChange({ since })}
        />
        <FilterMoment
          label="Created until"
          value={search.until ?? ""}
          onCommit={(until) => onChange({ until })}
        />
      </MoreFilters>
    </FilterBar>
  );
}
