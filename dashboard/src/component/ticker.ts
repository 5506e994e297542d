// One clock for all ages and countdowns of a page: each second those that changed are drawn again.
import { useSyncExternalStore } from "react";
import { serverNow } from "../api/clock";

const SECOND = 1_000;
const watchers = new Set<() => void>();
let timer: number | undefined;
let second = whole();

function whole(): number {
  return Math.floor(serverNow() / SECOND);
}

function tick(): void {
  second = whole();
  for (const tell of watchers) tell();
}

function watch(tell: () => void): () => void {
  if (watchers.size === 0) timer = window.setInterval(tick, SECOND);
  watchers.add(tell);
  return () => {
    watchers.delete(tell);
    if (watchers.size === 0) window.clearInterval(timer);
  };
}

/** What `told` makes of the server's time in milliseconds; draws again only where that changes. */
export function useNow<T extends string | number>(told: (now: number) => T): T {
  return useSyncExternalStore(watch, () => told(second * SECOND));
}
