// Logging in with an API key, and back to the page that was asked for.
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "react-aria-components";
import { type ApiProblem, asProblem } from "../../api/problem";
import { logIn, me } from "../../api/session";
import { CheckedForm } from "../../component/checked-form";
import { Field } from "../../component/field";
import { Page } from "../../component/page";
import { ProblemNote } from "../../component/problem-note";
import { queries } from "../../query-client";

const route = getRouteApi("/login");
const UNAUTHENTICATED = 401;

export function LoginPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  const [apiKey, setApiKey] = useState("");
  const entering = useMutation({
    mutationFn: () => logIn(apiKey.trim()),
    onSuccess: (principal) => {
      queries.clear();
      queries.setQueryData(me.queryKey, principal);
      setApiKey("");
      void router.navigate({ to: within(next), replace: true });
    },
  });
  const submit = () => {
    if (!entering.isPending) entering.mutate();
  };
  return (
    <main className="alone login">
      <Page title="Log in" heading="Perdure">
        <CheckedForm onSubmit={submit}>
          <Field
            label="API key"
            name="api_key"
            type="password"
            autoComplete="current-password"
            value={apiKey}
            onChange={setApiKey}
            isRequired
            autoFocus
            placeholder="pdr_…"
            help={
              <>
                <code>perdure dev</code> wrote one into the file that <code>admin_api_key_file</code> of its{" "}
                <code>stack.json</code> names; an admin makes others with <code>perdure keys create</code>.
              </>
            }
          />
          {entering.error !== null && !entering.isPending && <Refused problem={asProblem(entering.error)} />}
          <div className="buttons">
            <Button type="submit" className="button primary" data-waiting={entering.isPending || undefined}>
              {entering.isPending ? "Logging in…" : "Log in"}
            </Button>
          </div>
        </CheckedForm>
        <p className="quiet small">
          The key is sent once and not kept: a session in a cookie takes its place.
        </p>
      </Page>
    </main>
  );
}

function Refused({ problem }: { problem: ApiProblem }) {
  if (problem.status !== UNAUTHENTICATED) return <ProblemNote problem={problem} urgent />;
  return (
    <p className="note note-bad" role="alert">
      This key opens nothing: it is mistyped, has expired, or was revoked.
    </p>
  );
}

/** The page asked for before, if it is one of this dashboard. */
function within(next: string | undefined): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.startsWith("/\\") ? next : "/jobs";
}
