// A form that is sent only when nothing in it is wrong. What is wrong is said from the first try on, and while typing:
// not when a field is left, for then the button under the pointer would move away before it is clicked.
import {
  createContext,
  type FormEvent,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
} from "react";

interface Faults {
  /** What is wrong, by the name of the field. */
  found: Map<string, string>;
  attempted: boolean;
}

const Checked = createContext<Faults>({ found: new Map(), attempted: false });

interface Props {
  onSubmit: () => void;
  children: ReactNode;
}

export function CheckedForm({ onSubmit, children }: Props) {
  const [faults, setFaults] = useState<Faults>({ found: new Map(), attempted: false });
  const form = useRef<HTMLFormElement>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (faults.found.size === 0) return onSubmit();
    setFaults((before) => ({ ...before, attempted: true }));
    firstWrong(form.current, faults.found)?.focus();
  };
  return (
    <Checked.Provider value={faults}>
      <form className="form" ref={form} onSubmit={submit} noValidate>
        {children}
      </form>
    </Checked.Provider>
  );
}

/** Holds the form back while `fault` is not null; returns what is to be shown of it. */
export function useFault(name: string, fault: string | null): string | null {
  const { found, attempted } = useContext(Checked);
  useEffect(() => {
    if (fault === null) return;
    found.set(name, fault);
    return () => void found.delete(name);
  }, [found, name, fault]);
  return attempted ? fault : null;
}

function firstWrong(form: HTMLFormElement | null, found: Map<string, string>): HTMLElement | null {
  for (const element of form?.elements ?? []) {
    if (element instanceof HTMLElement && found.has(element.getAttribute("name") ?? "")) return element;
  }
  return null;
}
