// What is shown where a page fails or there is none.
import { Link } from "@tanstack/react-router";
import { asProblem } from "../../api/problem";
import { Page } from "../../component/page";
import { ProblemNote } from "../../component/problem-note";

export function NotFound() {
  return (
    <main className="alone">
      <Page title="There is no such page">
        <p>
          The address may be mistyped. <Link to="/jobs">All jobs</Link> are a good place to begin.
        </p>
      </Page>
    </main>
  );
}

export function Crashed({ error }: { error: unknown }) {
  return (
    <div className="alone">
      <Page title="The dashboard failed">
        <ProblemNote problem={asProblem(error)} urgent />
        <p>
          Load the page again. If it fails again, the same can be done with the command line:{" "}
          <code>perdure --help</code>.
        </p>
      </Page>
    </div>
  );
}
