// A field for JSON: checked before it is sent, the place of the error named.
import type { ReactNode } from "react";
import { readJson, readObject } from "../json/reading";
import { Field } from "./field";

interface Props {
  label: string;
  name: string;
  value: string;
  onChange: (value: string) => void;
  help?: ReactNode;
  isRequired?: boolean;
  /** Only an object will do. */
  object?: boolean;
  placeholder?: string;
}

export function JsonField({ object, ...field }: Props) {
  const check = (text: string) => {
    const read = object ? readObject(text) : readJson(text);
    return read.ok ? null : read.message;
  };
  return (
    <Field
      {...field}
      check={check}
      needed="It is empty: null, too, has to be written."
      rows={rowsFor(field.value)}
      code
    />
  );
}

function rowsFor(text: string): number {
  return Math.min(14, Math.max(3, text.split("\n").length + 1));
}
