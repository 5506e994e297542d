// Gives the focus to the page's heading where what had it is gone, such as a button that a decision made pointless.
import { useEffect } from "react";

const SETTLED_MS = 200;

export function useFocusKeeper(): void {
  useEffect(() => {
    let last: Element | null = null;
    let timer: number | undefined;
    const note = () => {
      last = document.activeElement;
    };
    const check = () => {
      const lost = document.activeElement === document.body && last !== null && !last.isConnected;
      if (lost) document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    };
    const watcher = new MutationObserver(() => {
      window.clearTimeout(timer);
      // A dialog that closes gives the focus back itself, a moment later.
      timer = window.setTimeout(check, SETTLED_MS);
    });
    document.addEventListener("focusin", note);
    watcher.observe(document.body, { childList: true, subtree: true });
    return () => {
      document.removeEventListener("focusin", note);
      watcher.disconnect();
      window.clearTimeout(timer);
    };
  }, []);
}
