// Labels as people type them into a filter: `team=billing, region=eu`. Used by the pages that have lists.

/** Parted at commas that another `key=` follows, for a value may hold commas. */
export function labelsOf(text: string): string[] {
  return text
    .split(/,(?=[^,=]+=)/)
    .map((label) => label.trim())
    .filter((label) => label !== "");
}

export function labelText(labels: readonly string[] | undefined): string {
  return (labels ?? []).join(", ");
}
