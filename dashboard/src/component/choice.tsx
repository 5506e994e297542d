// Choices in a form: one of several, some of several, yes or no.
import type { ReactNode } from "react";
import {
  Checkbox as AriaCheckbox,
  CheckboxGroup,
  FieldError,
  Label,
  Radio,
  RadioGroup,
} from "react-aria-components";
import { useFault } from "./checked-form";
import { Icon } from "./icon";

interface OneOfProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [value: T, text: ReactNode])[];
  onChange: (value: T) => void;
}

export function OneOf<T extends string>({ label, value, options, onChange }: OneOfProps<T>) {
  const change = (chosen: string) => {
    const option = options.find(([key]) => key === chosen);
    if (option !== undefined) onChange(option[0]);
  };
  return (
    <RadioGroup className="choice" value={value} onChange={change}>
      <Label>{label}</Label>
      {options.map(([key, text]) => (
        <Radio key={key} value={key} className="radio">
          <span className="radio-mark" />
          {text}
        </Radio>
      ))}
    </RadioGroup>
  );
}

interface SomeOfProps {
  label: string;
  chosen: readonly string[];
  options: readonly string[];
  onChange: (chosen: string[]) => void;
  /** Said where nothing is chosen. */
  needed: string;
}

export function SomeOf({ label, chosen, options, onChange, needed }: SomeOfProps) {
  const shown = useFault(label, chosen.length === 0 ? needed : null);
  return (
    <CheckboxGroup
      className="choice"
      value={[...chosen]}
      onChange={onChange}
      name={label}
      isRequired
      isInvalid={shown !== null}
      validationBehavior="aria"
    >
      <Label>{label}</Label>
      <div className="choice-list">
        {options.map((option) => (
          <AriaCheckbox key={option} value={option} className="checkbox">
            <Mark />
            <code>{option}</code>
          </AriaCheckbox>
        ))}
      </div>
      <FieldError className="field-error">{shown}</FieldError>
    </CheckboxGroup>
  );
}

interface CheckboxProps {
  isSelected: boolean;
  onChange: (isSelected: boolean) => void;
  children: ReactNode;
}

export function Checkbox({ isSelected, onChange, children }: CheckboxProps) {
  return (
    <AriaCheckbox className="checkbox" isSelected={isSelected} onChange={onChange}>
      <Mark />
      <span>{children}</span>
    </AriaCheckbox>
  );
}

function Mark() {
  return (
    <span className="checkbox-mark">
      <Icon name="check" />
    </span>
  );
}

interface PickProps {
  label: string;
  value: string;
  options: readonly string[];
  onChange: (value: string) => void;
}

/** One of many, in a list that opens. */
export function Pick({ label, value, options, onChange }: PickProps) {
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}
