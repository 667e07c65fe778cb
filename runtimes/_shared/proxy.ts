/**
 * Proxies, and what is said of those that let no connection through.
 *
 * @module
 */

import { messageOf } from "../../src/callback.ts";
import { cleanCause, cleanForeignMessage } from "../../src/clean-cause.ts";
import { withoutBrackets } from "../../src/ip-address.ts";
import type { ProxyCredentials } from "../../src/http1/socks-protocol.ts";
import { PROXY_UNTRUSTED, isUntrusted } from "../../src/rotation/untrusted-server.ts";
import { failureByCode } from "./node-error-codes.ts";

const defaultPorts: Readonly<Record<string, number>> = {
  "http:": 80,
  "https:": 443,
  "socks5:": 1080,
};

/** The proxy did not let the connection through. Nothing was sent to the server. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
  readonly code: string;

  constructor(message: string, code = "ERR_PROXY", cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Where a proxy is; the host is without brackets. */
export function proxyAddress({ hostname, port, protocol }: URL): { host: string; port: number } {
  return { host: withoutBrackets(hostname), port: Number(port || defaultPorts[protocol]) };
}

/** What a proxy's URL says of the user. */
export function credentialsOf({ username, password }: URL): ProxyCredentials | undefined {
  if (username === "" && password === "") return undefined;
  return { name: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/** The credentials as the header `Proxy-Authorization` has them. */
export function proxyAuthorization({ name, password }: ProxyCredentials): string {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** Says that the proxy can't be used, and why: what Node throws may have the credentials in it. */
export function unusableProxy(proxy: URL, error: unknown): ProxyError {
  const reason = reasonOf(error);
  const cause = cleanCause(error);
  const isRefusal = isUntrusted(failureByCode(cause) ?? "other");
  return new ProxyError(
    `the proxy ${originOf(proxy)} can't be used: ${reason}`,
    isRefusal ? PROXY_UNTRUSTED : "ERR_PROXY",
    cause,
  );
}

/** Of several addresses that were all tried in vain, the first one's. */
function reasonOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return cleanForeignMessage(messageOf(first)) || "it failed without a reason";
}

/** Says what the proxy answered. */
export function refusedByProxy(proxy: URL, status = 0): ProxyError {
  const advice = status === 407 ? "; put a user and a password into its URL" : "";
  return new ProxyError(`the proxy ${originOf(proxy)} answered CONNECT with ${status}${advice}`);
}

/** Without the credentials. */
function originOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}
