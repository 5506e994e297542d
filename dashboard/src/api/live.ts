// How often what is shown is asked for again. TanStack Query asks only while the tab is visible.
export const LIVE_MS = 2_000;
const SETTLED_MS = 15_000;

/** Of one resource: `settled` once nothing more is expected to happen to it. */
export function every(settled: boolean): number {
  return settled ? SETTLED_MS : LIVE_MS;
}

/** Of a list that is read page by page: the more pages, the more slowly. */
export function everyOf(pages: number): number {
  return LIVE_MS * Math.max(1, pages);
}
