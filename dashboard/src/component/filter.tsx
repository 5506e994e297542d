// Fields that narrow a list. What is typed takes effect after a pause, and is not lost while the list is asked for again.
import { type ReactNode, useEffect, useEffectEvent, useId, useRef, useState } from "react";
import { Button } from "react-aria-components";

const PAUSE_MS = 400;

interface BarProps {
  label: string;
  isFiltered: boolean;
  onClear: () => void;
  children: ReactNode;
}

/** On narrow screens all but the first field stand behind a button. */
export function FilterBar({ label, isFiltered, onClear, children }: BarProps) {
  const [open, setOpen] = useState(false);
  return (
    <search aria-label={label} className={open ? "filters open" : "filters folded"}>
      <Button className="button small fold" aria-expanded={open} onPress={() => setOpen(!open)}>
        {open ? "Fewer filters" : "Filters"}
      </Button>
      {children}
      {isFiltered && (
        <Button className="button small clear" onPress={onClear}>
          Clear filters
        </Button>
      )}
    </search>
  );
}

/** Filters that are needed seldom; open from the start where one of them is in use. */
export function MoreFilters({ inUse, children }: { inUse: boolean; children: ReactNode }) {
  const [open, setOpen] = useState(inUse);
  return (
    <details className="more-filters" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>More filters</summary>
      <div className="filters">{children}</div>
    </details>
  );
}

interface TextProps {
  label: string;
  value: string;
  onCommit: (value: string) => void;
  placeholder?: string;
  wide?: boolean;
  type?: "text" | "search" | "datetime-local";
}

export function FilterText({ label, value, onCommit, placeholder, wide, type = "text" }: TextProps) {
  const id = useId();
  const [text, setText] = useState(value);
  const known = useRef(value);
  const commit = useEffectEvent(onCommit);
  useEffect(() => {
    if (value === known.current) return;
    known.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text === known.current) return;
    const timer = window.setTimeout(() => {
      known.current = text;
      commit(text);
    }, PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return (
    <div className={wide ? "filter wide" : "filter"}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type={type}
        value={text}
        onChange={(event) => setText(event.target.value)}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
      />
    </div>
  );
}

interface MomentProps {
  label: string;
  /** RFC 3339, or nothing. */
  value: string;
  onCommit: (value: string) => void;
}

/** A moment as the clock on the wall tells it; in the address it stands in UTC. */
export function FilterMoment({ label, value, onCommit }: MomentProps) {
  const commit = (local: string) => onCommit(local === "" ? "" : new Date(local).toISOString());
  return <FilterText label={label} type="datetime-local" value={wallClock(value)} onCommit={commit} />;
}

function wallClock(iso: string): string {
  const at = new Date(iso);
  if (iso === "" || Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

interface SelectProps<T extends string> {
  label: string;
  value: T | "";
  options: readonly (readonly [value: T | "", text: string])[];
  onCommit: (value: string) => void;
}

export function FilterSelect<T extends string>({ label, value, options, onCommit }: SelectProps<T>) {
  const id = useId();
  return (
    <div className="filter">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onCommit(event.target.value)}>
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

interface ChecksProps<T extends string> {
  label: string;
  chosen: readonly string[];
  options: readonly T[];
  show: (option: T) => ReactNode;
  onCommit: (chosen: string[]) => void;
}

export function FilterChecks<T extends string>({ label, chosen, options, show, onCommit }: ChecksProps<T>) {
  const toggle = (option: T) =>
    onCommit(chosen.includes(option) ? chosen.filter((one) => one !== option) : [...chosen, option]);
  return (
    <fieldset className="checks">
      <legend>{label}</legend>
      {options.map((option) => (
        <label key={option} className="check-chip">
          <input type="checkbox" checked={chosen.includes(option)} onChange={() => toggle(option)} />
          {show(option)}
        </label>
      ))}
    </fieldset>
  );
}
