// What surrounds every page once somebody is logged in: the way to the pages, who one is, what came of decisions.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { Button } from "react-aria-components";
import { asProblem } from "../../api/problem";
import { logOut, me } from "../../api/session";
import { useFocusKeeper } from "../../component/focus-keeper";
import { NoticeBoard } from "../../component/notice";
import { queries } from "../../query-client";

const PAGES = [
  { to: "/jobs", label: "Jobs" },
  { to: "/dead-letters", label: "Dead letters" },
  { to: "/retrying", label: "Retrying now" },
] as const;

export function Shell() {
  useFocusKeeper();
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <header className="bar">
        <Link to="/jobs" className="brand">
          Perdure
        </Link>
        <nav aria-label="Pages">
          <ul className="tabs">
            {PAGES.map((page) => (
              <li key={page.to}>
                <Link
                  to={page.to}
                  activeProps={{ className: "tab active" }}
                  inactiveProps={{ className: "tab" }}
                >
                  {page.label}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <Who />
      </header>
      <main id="main" tabIndex={-1}>
        <NoticeBoard>
          <Outlet />
        </NoticeBoard>
      </main>
    </>
  );
}

function Who() {
  const { data } = useQuery(me);
  const navigate = useNavigate();
  const leaving = useMutation({
    mutationFn: logOut,
    onSuccess: async () => {
      await navigate({ to: "/login", search: { next: undefined } });
      queries.clear();
    },
  });
  return (
    <div className="who">
      {data !== undefined && (
        <span title={`Tenant ${data.tenant}`}>
          {data.actor} <span className="chip">{data.role}</span>
        </span>
      )}
      {leaving.error !== null && <span role="alert">Still logged in: {asProblem(leaving.error).title}</span>}
      <Button
        className="button small"
        onPress={() => leaving.mutate()}
        data-waiting={leaving.isPending || undefined}
      >
        Log out
      </Button>
    </div>
  );
}
