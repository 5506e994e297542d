// The way between the two views of what is parked: by job, and by kind of failure.
import { Link } from "@tanstack/react-router";
import type { DeadLettersQuery } from "../../api/dead-letters";

export function Views({ search }: { search: DeadLettersQuery }) {
  return (
    <nav aria-label="Views of dead letters">
      <ul className="views">
        <li>
          <Link
            to="/dead-letters"
            search={search}
            activeOptions={{ exact: true, includeSearch: false }}
            activeProps={{ className: "view active" }}
            inactiveProps={{ className: "view" }}
          >
            By job
          </Link>
        </li>
        <li>
          <Link
            to="/dead-letters/groups"
            search={search}
            activeOptions={{ includeSearch: false }}
            activeProps={{ className: "view active" }}
            inactiveProps={{ className: "view" }}
          >
            By kind of failure
          </Link>
        </li>
        <li>
          <Link
            to="/bulk-actions"
            activeProps={{ className: "view active" }}
            inactiveProps={{ className: "view" }}
          >
            Bulk actions
          </Link>
        </li>
      </ul>
    </nav>
  );
}
