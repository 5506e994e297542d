// The frame of every page: its title (also the document's), its one h1, which takes the focus after a change of page.
import { type ReactNode, useEffect, useRef } from "react";

interface Props {
  title: string;
  /** Instead of the plain title, where it needs marking up. */
  heading?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
}

let pagesShown = 0;

export function Page({ title, heading, aside, children }: Props) {
  const h1 = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Perdure`;
  }, [title]);
  useEffect(() => {
    pagesShown += 1;
    // The first page leaves the focus where the browser puts it.
    if (pagesShown > 1) h1.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className="page">
      <header className="page-head">
        <h1 ref={h1} tabIndex={-1}>
          {heading ?? title}
        </h1>
        {aside}
      </header>
      {children}
    </div>
  );
}
