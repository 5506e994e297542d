// The one way to the API: typed by its OpenAPI document, the session cookie sent along, refusals thrown as problems.
import createClient from "openapi-fetch";
import { noteDate } from "./clock";
import { type ApiProblem, problemOf, unreachable } from "./problem";
import type { paths } from "./schema";

export const client = createClient<paths>({ credentials: "same-origin" });

client.use({
  onResponse({ response }) {
    noteDate(response.headers.get("Date"));
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a good answer. Throws {@link ApiProblem} for any other, and where none came. */
export async function answered<T>(call: Promise<Answer<T>>): Promise<T> {
  const answer = await call.catch((cause: unknown) => {
    throw isAbort(cause) ? cause : unreachable();
  });
  if (answer.data !== undefined) return answer.data;
  throw refusal(answer);
}

function refusal(answer: Answer<unknown>): ApiProblem {
  return problemOf(answer.response, answer.error);
}

function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === "AbortError";
}
