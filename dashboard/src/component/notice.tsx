// What came of the last decision: shown above the page and announced to screen readers.
import { useLocation } from "@tanstack/react-router";
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { Button } from "react-aria-components";
import { Icon } from "./icon";

const Tell = createContext<(text: string) => void>(() => undefined);

/** Says something to whoever looks or listens. */
export function useTell(): (text: string) => void {
  return useContext(Tell);
}

export function NoticeBoard({ children }: { children: ReactNode }) {
  const here = useLocation({ select: (location) => location.pathname });
  const [said, setSaid] = useState({ text: "", at: here });
  const tell = useCallback((text: string) => setSaid({ text, at: here }), [here]);
  // On another page it would be about something that is not there.
  const text = said.at === here ? said.text : "";
  return (
    <Tell.Provider value={tell}>
      <div className="notice" role="status" aria-live="polite">
        {text !== "" && (
          <div className="note note-good">
            <Icon name="check" />
            <p>{text}</p>
            <Button className="button quiet-button small" onPress={() => tell("")}>
              Dismiss
            </Button>
          </div>
        )}
      </div>
      {children}
    </Tell.Provider>
  );
}
