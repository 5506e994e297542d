// The filters of what is parked; both views have the same.
import type { DeadLettersQuery } from "../../api/dead-letters";
import { FilterBar, FilterMoment, FilterSelect, FilterText, MoreFilters } from "../../component/filter";
import { labelsOf, labelText } from "../label";
import { CLASSES, isFiltered } from "./filter";

interface Props {
  search: DeadLettersQuery;
  onChange: (change: DeadLettersQuery) => void;
  onClear: () => void;
}

const OFTEN = [
  ["error_code", "Error code"],
  ["type", "Type"],
  ["step", "Step"],
  ["fingerprint", "Fingerprint"],
] as const;
const SELDOM = [
  ["queue", "Queue", ""],
  ["older_than", "Parked longer than", "2h"],
  ["younger_than", "Parked within", "10m"],
] as const;

export function DeadLettersFilter({ search, onChange, onClear }: Props) {
  const { since, until, http_status: http } = search;
  const seldom = SELDOM.some(([name]) => search[name]) || Boolean(since ?? until ?? http);
  return (
    <FilterBar label="Filter dead letters" isFiltered={isFiltered(search)} onClear={onClear}>
      <FilterText
        label="Search"
        type="search"
        wide
        placeholder="Words in name, labels or error"
        value={search.q ?? ""}
        onCommit={(q) => onChange({ q })}
      />
      {OFTEN.map(([name, label]) => (
        <FilterText
          key={name}
          label={label}
          value={search[name] ?? ""}
          onCommit={(text) => onChange({ [name]: text })}
        />
      ))}
      <FilterSelect
        label="Error class"
        value={search.error_class ?? ""}
        options={[["", "Any"], ...CLASSES.map((name) => [name, name] as const)]}
        onCommit={(text) => onChange({ error_class: CLASSES.find((name) => name === text) })}
      />
      <FilterText
        label="Label"
        placeholder="team=billing"
        value={labelText(search.label)}
        onCommit={(text) => onChange({ label: labelsOf(text) })}
      />
      <MoreFilters inUse={seldom}>
        {SELDOM.map(([name, label, example]) => (
          <FilterText
            key={name}
            label={label}
            placeholder={example}
            value={search[name] ?? ""}
            onCommit={(text) => onChange({ [name]: text })}
          />
        ))}
        <FilterText
          label="HTTP status"
          placeholder="503"
          value={http == null ? "" : String(http)}
          onCommit={(text) => onChange({ http_status: Number(text) || undefined })}
        />
        <FilterMoment
          label="Parked since"
          value={since ?? ""}
          onCommit={(text) => onChange({ since: text })}
        />
        <FilterMoment
          label="Parked until"
          value={until ?? ""}
          onCommit={(text) => onChange({ until: text })}
        />
      </MoreFilters>
    </FilterBar>
  );
}
