// What the API says when it refuses (RFC 9457), and the like for an API that does not answer. Thrown by `answered`.
import type { ProblemBody } from "./type";

type ProblemPlace = ProblemBody["errors"][number];

const UNREACHABLE = "DASHBOARD.API_UNREACHABLE";
const UNREADABLE = "DASHBOARD.ANSWER_UNREADABLE";

/** A refusal. `status` is 0 where no answer came. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly places: readonly ProblemPlace[];
  readonly link: string | null;
  readonly requestId: string | null;

  constructor(said: Partial<ProblemBody> & { status: number; code: string; title: string; detail: string }) {
    super(`${said.code}: ${said.detail}`);
    this.name = "ApiProblem";
    this.status = said.status;
    this.code = said.code;
    this.title = said.title;
    this.detail = said.detail;
    this.places = said.errors ?? [];
    this.link = said.type?.startsWith("/docs/") ? said.type : null;
    this.requestId = said.request_id ?? null;
  }

  /** Whether the decision may have been taken all the same; it can be sent again. */
  get mayTakeEffect(): boolean {
    return this.status === 504 || this.status === 0 || this.status === 502 || this.status === 503;
  }
}

export function unreachable(): ApiProblem {
  return new ApiProblem({
    status: 0,
    code: UNREACHABLE,
    title: "The API does not answer",
    detail: "It may be restarting, or the network may be away. The page asks again every few seconds.",
  });
}

/** The problem in a refusal's body; something sensible where a proxy answered instead of the API. */
export function problemOf(response: Response, body: unknown): ApiProblem {
  if (isProblem(body)) return new ApiProblem(body);
  return new ApiProblem({
    status: response.status,
    code: UNREADABLE,
    title: "Something other than the API answered",
    detail: `The answer has status ${response.status} and is not the API's. A proxy in between may say more in its log.`,
  });
}

/** Any error, as a problem that can be shown. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiProblem({ status: -1, code: "DASHBOARD.ERROR", title: "The dashboard failed", detail });
}

function isProblem(body: unknown): body is ProblemBody {
  return typeof body === "object" && body !== null && "code" in body && "detail" in body && "title" in body;
}
