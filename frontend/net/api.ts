// Calls to the server's API: CSRF, errors as one class, and what failing tells about the connection.
// Not for: deciding what to call.
import { t } from "../i18n/en";
import { reachable } from "../store";
import { feed } from "./drive";
import { noteVersion, VERSION_HEADER } from "./version";

const SLOW_MS = 20_000;
/** What a proxy says of a server that is away, and the server of its database. */
const AWAY = new Set([502, 503, 504]);

/** How often a server that says "later" is asked again before that counts as failed. */
const TRIES = 3;
const LONGEST_WAIT_S = 5;

/**
 * `status` 0: no answer at all. `message` is the server's sentence, `fields` what it says of single fields.
 * `retryAfter` is in seconds.
 */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfter: number | null = null,
    readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  /** Whether the same call may succeed later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 401 || this.status === 429 || this.status >= 500;
  }
}

let csrf = "";

export const setCsrf = (token: string): void => {
  csrf = token;
};
export const csrfToken = (): string => csrf;

/** Calls the API; `body` is sent as JSON, `patience` is in milliseconds. Throws ApiError. */
export async function call<T>(method: string, path: string, body?: unknown, patience = SLOW_MS): Promise<T> {
  let response = await send(method, path, body, patience);
  if (response.status === 403 && (await isCsrf(response.clone()))) {
    await askSession();
    response = await send(method, path, body, patience);
  }
  if (!response.ok) throw await readError(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** The same, asking again where the server says when; for what may be sent twice. Throws ApiError. */
export async function callPatiently<T>(
  method: string,
  path: string,
  body: object,
  tries = TRIES,
): Promise<T> {
  try {
    return await call<T>(method, path, body);
  } catch (error) {
    if (!(error instanceof ApiError) || error.retryAfter === null || tries <= 1) throw error;
    await new Promise((done) => setTimeout(done, Math.min(error.retryAfter ?? 1, LONGEST_WAIT_S) * 1000));
    return callPatiently(method, path, body, tries - 1);
  }
}

/** Why something was refused, in words for people. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof ApiError) || error.status === 0) return t.sendFailedNetwork;
  const more = Object.values(error.fields).filter((each) => !error.message.includes(each));
  return [error.message, ...more].join(" ");
}

/** Who is signed in now; takes over the new CSRF token. Throws ApiError. */
export async function askSession(): Promise<{ id: string } | null> {
  const response = await send("GET", "/api/auth/session");
  if (!response.ok) throw await readError(response);
  const session = (await response.json()) as { user: { id: string } | null; csrf_token: string };
  setCsrf(session.csrf_token);
  return session.user;
}

/** Makes an error of a status and a body, as fetch and XMLHttpRequest give them. */
export function errorOf(status: number, body: unknown, retryAfter: string | null): ApiError {
  if (status === 401) feed({ kind: "unauthorised" });
  type Told = { code?: string; message?: string; fields?: Record<string, string> | null };
  const error = (body as { error?: Told } | null)?.error;
  const seconds = Number(retryAfter);
  return new ApiError(
    status,
    error?.code ?? "unknown",
    error?.message ?? `The server answered ${status}.`,
    retryAfter && seconds > 0 ? seconds : null,
    error?.fields ?? {},
  );
}

async function send(method: string, path: string, body?: unknown, patience = SLOW_MS): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  const init: RequestInit = { method, headers, signal: AbortSignal.timeout(patience) };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  try {
    const response = await fetch(path, init);
    reachable.value = !AWAY.has(response.status);
    noteVersion(response.headers.get(VERSION_HEADER));
    return response;
  } catch (error) {
    reachable.value = false;
    throw new ApiError(0, "network", String(error));
  }
}

async function readError(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  return errorOf(response.status, body, response.headers.get("Retry-After"));
}

async function isCsrf(response: Response): Promise<boolean> {
  return (await readError(response)).code === "csrf";
}
