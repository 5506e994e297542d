// Which page stands at which address, and that all but the login need a session.
import { createRootRoute, createRoute, createRouter, Navigate, redirect } from "@tanstack/react-router";
import { asProblem } from "./api/problem";
import { me } from "./api/session";
import { BulkActionsPage } from "./page/bulk/list-page";
import { BulkActionPage } from "./page/bulk/page";
import { DeadLetterPage } from "./page/dead-letter/page";
import { deadLettersSearch, groupsSearch } from "./page/dead-letters/filter";
import { GroupsPage } from "./page/dead-letters/groups-page";
import { DeadLettersPage } from "./page/dead-letters/page";
import { JobPage } from "./page/job/page";
import { jobsSearch } from "./page/jobs/filter";
import { JobsPage } from "./page/jobs/page";
import { LoginPage } from "./page/login/page";
import { retryingSearch } from "./page/retrying/filter";
import { RetryingPage } from "./page/retrying/page";
import { Crashed, NotFound } from "./page/shell/fault";
import { Shell } from "./page/shell/shell";
import { queries, whenSessionEnds } from "./query-client";
import { one, parseSearch, stringifySearch } from "./search";

const UNAUTHENTICATED = 401;

const root = createRootRoute({ notFoundComponent: NotFound });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: LoginPage,
  validateSearch: (search) => ({ next: one(search.next) }),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Shell,
  beforeLoad: async ({ location }) => {
    try {
      await queries.ensureQueryData(me);
    } catch (error) {
      // While the API is away the pages themselves say so, and ask again.
      if (asProblem(error).status === UNAUTHENTICATED)
        throw redirect({ to: "/login", search: { next: location.href } });
    }
  },
});

const index = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: () => <Navigate to="/jobs" replace />,
});

const jobs = createRoute({
  getParentRoute: () => shell,
  path: "/jobs",
  component: JobsPage,
  validateSearch: jobsSearch,
});

const job = createRoute({ getParentRoute: () => shell, path: "/jobs/$jobId", component: JobPage });

const deadLetters = createRoute({
  getParentRoute: () => shell,
  path: "/dead-letters",
  component: DeadLettersPage,
  validateSearch: deadLettersSearch,
});

const groups = createRoute({
  getParentRoute: () => shell,
  path: "/dead-letters/groups",
  component: GroupsPage,
  validateSearch: groupsSearch,
});

const deadLetter = createRoute({
  getParentRoute: () => shell,
  path: "/dead-letters/$jobId",
  component: DeadLetterPage,
});

const retrying = createRoute({
  getParentRoute: () => shell,
  path: "/retrying",
  component: RetryingPage,
  validateSearch: retryingSearch,
});

const bulk = createRoute({
  getParentRoute: () => shell,
  path: "/bulk-actions/$actionId",
  component: BulkActionPage,
});

const bulkList = createRoute({
  getParentRoute: () => shell,
  path: "/bulk-actions",
  component: BulkActionsPage,
});

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    shell.addChildren([index, jobs, job, deadLetters, groups, deadLetter, retrying, bulk, bulkList]),
  ]),
  basepath: "/dashboard",
  parseSearch,
  stringifySearch,
  pathParamsAllowedCharacters: [":"],
  defaultErrorComponent: Crashed,
  scrollRestoration: true,
});

whenSessionEnds(() => {
  const { pathname, href } = router.state.location;
  if (pathname.endsWith("/login")) return;
  queries.clear();
  void router.navigate({ to: "/login", search: { next: href } });
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
