// Fields of forms: a label, a line or several, a word of help, and what is wrong.
import type { ReactNode } from "react";
import { FieldError, Input, Label, Text, TextArea, TextField } from "react-aria-components";
import { useFault } from "./checked-form";

interface Props {
  label: string;
  name: string;
  value: string;
  onChange: (value: string) => void;
  help?: ReactNode;
  isRequired?: boolean;
  autoFocus?: boolean;
  /** Of a field of several lines. */
  rows?: number;
  code?: boolean;
  maxLength?: number;
  placeholder?: string;
  type?: "text" | "password";
  autoComplete?: string;
  /** What is wrong with a value that is not blank; null where nothing is. */
  check?: (value: string) => string | null;
  /** What is said where a value is needed and there is none. */
  needed?: string;
}

export function Field(props: Props) {
  const { label, help, rows, code, placeholder, isRequired } = props;
  const shown = useFault(props.name, faultOf(props));
  const style = code ? "code" : undefined;
  return (
    <TextField
      className="field"
      name={props.name}
      value={props.value}
      onChange={props.onChange}
      isRequired={isRequired}
      isInvalid={shown !== null}
      validationBehavior="aria"
      autoFocus={props.autoFocus}
      maxLength={props.maxLength}
      type={props.type ?? "text"}
      autoComplete={props.autoComplete ?? "off"}
      spellCheck={code ? "false" : undefined}
    >
      <Label>{label}</Label>
      {rows === undefined ? (
        <Input className={style} placeholder={placeholder} />
      ) : (
        <TextArea className={style} rows={rows} placeholder={placeholder} />
      )}
      {help !== undefined && (
        <Text slot="description" className="help">
          {help}
        </Text>
      )}
      <FieldError className="field-error">{shown}</FieldError>
    </TextField>
  );
}

function faultOf({ label, value, isRequired, check, needed }: Props): string | null {
  if (value.trim() !== "") return check?.(value) ?? null;
  return isRequired ? (needed ?? `${label} is needed.`) : null;
}
