/**
 * Tokens of service accounts, as the cluster issues them: the TokenRequest API as a token source.
 *
 * @module
 */

import { segment } from "../api/paths.ts";
import { SourceError } from "../errors.ts";
import { checkKnown, kindOf, checkObject } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { type SourceOptions } from "../sources/source.ts";
import { type TokenSource, createTokenSource } from "../sources/token-source.ts";
import type { KubeClient } from "./client.ts";

/** Whose tokens are requested, and for whom. */
export interface ServiceAccountTokenOptions extends Pick<
  SourceOptions,
  "cooldownMs" | "readTimeoutMs"
> {
  /** The name of the service account. */
  name: string;
  /** Its namespace; the client's own by default. */
  namespace?: string | undefined;
  /** Who will check the token, as in `vault`; the API server itself by default. */
  audience?: string | readonly string[] | undefined;
  /**
   * How long a token is valid, in seconds: 600 at least. The server may choose another time.
   *
   * @default 3_600
   */
  expirationSeconds?: number | undefined;
}

/** What is read of a TokenRequest (`authentication.k8s.io/v1`). */
interface TokenAnswer {
  readonly spec?: { readonly expirationSeconds?: number };
  readonly status?: { readonly token?: string };
}

const optionNames: readonly (keyof ServiceAccountTokenOptions)[] = [
  "name",
  "namespace",
  "audience",
  "expirationSeconds",
  "cooldownMs",
  "readTimeoutMs",
];

/** The part of its life after which a token is replaced, as the kubelet does. */
const RENEWED_AFTER = 0.8;
/** How old a token gets at the most, in milliseconds, as for the kubelet. */
const MAX_AGE_MS = 24 * 60 * 60 * 1_000;

/** Binds `serviceAccountTokenSource()` to a runtime. */
export function bindServiceAccountTokenSource(
  runtime: Runtime,
): (kube: KubeClient, options: ServiceAccountTokenOptions) => TokenSource {
  return (kube, options) => {
    checkClient(kube);
    const hint = 'pass { name: "builder" }';
    checkObject("the options of serviceAccountTokenSource", options, hint);
    checkKnown("serviceAccountTokenSource", options, optionNames);
    const { name, namespace, audience = [], expirationSeconds = 3_600, ...others } = options;
    if (!Number.isInteger(expirationSeconds) || expirationSeconds < 600) {
      throw new RangeError(
        `Cannot use option expirationSeconds: it must be a whole number of seconds from 600, not ${String(expirationSeconds)}`,
      );
    }
    const encoded = segment("name", name);
    const audiences = typeof audience === "string" ? [audience] : audience;
    const intervalMs = renewalMs(expirationSeconds);
    let renewAt: number | undefined;

    async function read(signal: AbortSignal): Promise<string> {
      const requestedAt = runtime.clock.wallNow();
      const within = segment("namespace", namespace ?? kube.namespace);
      const request = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: { audiences, expirationSeconds },
      };
      const path = `/api/v1/namespaces/${within}/serviceaccounts/${encoded}/token`;
      const answer = await kube.post<TokenAnswer>(path, request, { signal });
      const token = answer?.status?.token;
      if (token === undefined) throw new SourceError("the server sent no token", "invalid");
      renewAt = requestedAt + renewalMs(answer.spec?.expirationSeconds ?? expirationSeconds);
      return token;
    }

    const source = `TokenRequest of ServiceAccount ${namespace ?? kube.namespace}/${name}`;
    const settings = { ...others, reloadIntervalMs: intervalMs };
    return createTokenSource(runtime, { source, read, renewAt: () => renewAt }, settings);
  };
}

function renewalMs(expirationSeconds: number): number {
  return Math.min(expirationSeconds * 1_000 * RENEWED_AFTER, MAX_AGE_MS);
}

function checkClient(kube: unknown): void {
  if (typeof kube === "object" && kube !== null && "post" in kube) return;
  throw new TypeError(
    `Cannot make a source of tokens: expected a client, not ${kindOf(kube)}; pass what connect() returns, awaited`,
  );
}
