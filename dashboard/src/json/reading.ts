// JSON that a person typed: its value, or what is wrong with it and where. Used by the fields of the decisions.
import { faultOf } from "./scanner";

type JsonObject = { [name: string]: unknown };
type ReadJson = { ok: true; value: unknown } | { ok: false; message: string };

export function readJson(text: string): ReadJson {
  const fault = faultOf(text);
  if (fault === null) return { ok: true, value: JSON.parse(text) };
  const before = text.slice(0, fault.offset).split("\n");
  const column = (before.at(-1)?.length ?? 0) + 1;
  return { ok: false, message: `Line ${before.length}, column ${column}: ${fault.message}` };
}

/** The object that the text is; the message that says why it is none. */
export function readObject(text: string): { ok: true; value: JsonObject } | { ok: false; message: string } {
  const read = readJson(text);
  if (!read.ok) return read;
  if (isObject(read.value)) return { ok: true, value: read.value };
  return { ok: false, message: 'Line 1, column 1: expected an object, as in {"url": "…"}' };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
