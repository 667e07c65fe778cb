/**
 * Where identity comes from: a bearer token that is read again while the program runs.
 *
 * @module
 */

import { SourceError, toUnsupportedError } from "../errors.ts";
import { absolutePath } from "../file-path.ts";
import { checkPath, kindOf } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { createFixedSource } from "./fixed-source.ts";
import { Reloader } from "./reloader.ts";
import type { Source, SourceOptions } from "./source.ts";

/** A source of bearer tokens. */
export interface TokenSource extends Source<string> {}

/** Gives a bearer token. */
export type TokenFunction = (signal: AbortSignal) => string | Promise<string>;

/** The largest token file that is read. Header lines end well before: Node's limit is 16 KiB in all. */
const MAX_TOKEN_BYTES = 64 * 1024;
/** A JWT is read again this long before it expires (client-go `transport/token_source.go`). */
export const LEEWAY_MS = 10_000;

/** A token from a file, as the kubelet projects and renews it. */
export function bindFileTokenSource(
  runtime: Runtime,
): (path: string, options?: SourceOptions) => TokenSource {
  return (path, options) => {
    const { files } = runtime;
    if (files === undefined) {
      throw toUnsupportedError(
        runtime,
        `Cannot read token ${path}: this runtime has no file system; use functionTokenSource or staticTokenSource`,
      );
    }
    checkPath("a token", path);
    const file = absolutePath(files, path);
    const read: TokenFunction = async (signal) =>
      new TextDecoder().decode(await files.read(file, MAX_TOKEN_BYTES, signal));
    return createTokenSource(runtime, { source: `file ${file}`, read }, options);
  };
}

/** A token from a function, as a secret store or an identity provider gives it. */
export function bindFunctionTokenSource(
  runtime: Runtime,
): (read: TokenFunction, options?: SourceOptions) => TokenSource {
  return (read, options) => {
    if (typeof read !== "function") {
      throw new TypeError(`Cannot make a token source: expected a function, not ${kindOf(read)}`);
    }
    return createTokenSource(runtime, { source: "function", read }, options);
  };
}

/**
 * A token that never changes.
 *
 * @param token The bearer token, without `Bearer`. White space around it is dropped.
 * @returns A source that always gives it.
 * @throws {SourceError} if it is empty or holds what a header can't carry.
 *
 * @example
 * ```ts
 * import { staticTokenSource } from "@reanchor/reanchor";
 *
 * const source = staticTokenSource("sesame\n");
 * console.log((await source.current()).length); // 6
 * ```
 */
export function staticTokenSource(token: string): TokenSource {
  return createStaticTokenSource(token, "memory");
}

/** As {@link staticTokenSource}, with where the token comes from. */
export function createStaticTokenSource(token: string, source: string): TokenSource {
  let checked: string;
  try {
    checked = checkToken(token);
  } catch (cause) {
    if (!(cause instanceof SourceError)) throw cause;
    const from = source === "memory" ? "" : ` from ${source}`;
    throw new SourceError(`Cannot use token${from}: ${cause.message}`, cause.reason);
  }
  return createFixedSource(() => Promise.resolve(checked), { kind: "token", source });
}

/** What a token is read from. */
export interface TokenOrigin {
  /** What it is called. */
  readonly source: string;
  readonly read: TokenFunction;
  /**
   * When a token has to be read again at the latest, in milliseconds since the epoch; by default shortly before a JWT
   * expires.
   */
  readonly renewAt?: (token: string) => number | undefined;
}

/** A token from wherever a function reads it. */
export function createTokenSource(
  runtime: Runtime,
  { source, read, renewAt = beforeExpiry }: TokenOrigin,
  options: SourceOptions | undefined,
): TokenSource {
  return new Reloader<string>(
    {
      kind: "token",
      what: "token",
      source,
      read: async (signal) => checkToken(await read(signal)),
      isSame: (a, b) => a === b,
      expiresAt: renewAt,
      changed: (next) => ({ type: "token-reloaded", source, expiresAt: jwtExpiry(next) }),
    },
    { clock: runtime.clock, sharedReads: runtime.capabilities.sharedReads },
    options,
  );
}

function beforeExpiry(token: string): number | undefined {
  const expiry = jwtExpiry(token);
  return expiry && expiry - LEEWAY_MS;
}

/** Trims a token and checks that a header can carry it. */
export function checkToken(text: unknown): string {
  if (typeof text !== "string") throw new SourceError("it is not a string", "invalid");
  const token = text.trim();
  if (token === "") throw new SourceError("it is empty", "empty");
  if (/[^\t\x20-\x7e]/.test(token)) {
    throw new SourceError("it holds a character that an HTTP header can't carry", "invalid");
  }
  return token;
}

/** The `exp` of a JWT in milliseconds; `undefined` for a token that is none. The token is not verified. */
export function jwtExpiry(token: string): number | undefined {
  const [, payload, signature, more] = token.split(".");
  if (payload === undefined || signature === undefined || more !== undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const exp = typeof claims === "object" && claims !== null && "exp" in claims && claims.exp;
    return typeof exp === "number" && Number.isFinite(exp) ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
