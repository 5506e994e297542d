// The query of a page's address: plain `name=value`, repeated for lists, so that it reads like the API's own.
export type Search = Record<string, string | string[]>;

export function parseSearch(text: string): Search {
  const found: Search = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const before = found[name];
    found[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return found;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if ((typeof one === "string" && one !== "") || typeof one === "number") query.append(name, String(one));
    }
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** One value of a parameter; undefined where it is not there. */
export function one(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (typeof first === "number") return String(first);
  return typeof first === "string" && first !== "" ? first : undefined;
}

/** All values of a parameter, those between commas by themselves; undefined where there are none. */
export function many(value: unknown, separator?: string): string[] | undefined {
  const given = (Array.isArray(value) ? value : [value]).filter((part) => typeof part === "string");
  const parts = separator === undefined ? given : given.flatMap((part) => part.split(separator));
  const said = parts.map((part) => part.trim()).filter((part) => part !== "");
  return said.length > 0 ? said : undefined;
}
