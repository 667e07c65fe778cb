/**
 * The `id-token` of a kubeconfig's `auth-provider: oidc`. kubectl renews it and writes the new one into the
 * kubeconfig (client-go `plugin/pkg/client/auth/oidc/oidc.go`); reanchor only reads, and so picks up what kubectl
 * or a login has written.
 *
 * @module
 */

import { SourceError } from "../../errors.ts";
import type { Clock } from "../../runtime.ts";
import type { Source, SourceReloadOptions } from "../../sources/source.ts";
import { LEEWAY_MS, createStaticTokenSource, jwtExpiry } from "../../sources/token-source.ts";
import type { OidcProvider } from "./context.ts";

/** When the kubeconfig is to be read again for a newer token, in milliseconds since the epoch. */
export function idTokenExpiry({ idToken }: OidcProvider): number {
  return (jwtExpiry(idToken) ?? 0) - LEEWAY_MS;
}

/** The kubeconfig that an id-token is from. */
export interface IdTokenOrigin {
  /** Which kubeconfig, for messages and status. */
  readonly source: string;
  /** Reads the kubeconfig again, and says whether it has something else now. */
  readonly isOutdated: (waiting: SourceReloadOptions | undefined) => Promise<boolean>;
}

/** Makes a source of an id-token. */
export function createIdTokenSource(
  clock: Clock,
  provider: OidcProvider,
  { source, isOutdated }: IdTokenOrigin,
): Source<string> {
  const { idToken, place } = provider;
  const failure = (reason: string): SourceError =>
    new SourceError(
      `Cannot use id-token from ${source}: ${place} ${reason}, and reanchor does not renew it; log in again, run kubectl, which renews it if it can, or use kubelogin (kubectl oidc-login) as an exec plugin in its place`,
      "invalid",
    );
  if (idToken === "") throw failure("has no id-token");
  if (jwtExpiry(idToken) === undefined) throw failure("has an id-token that is not a JWT with exp");
  const expiresAt = idTokenExpiry(provider);
  const token = createStaticTokenSource(idToken, `${source} (id-token)`);
  const isExpired = (): boolean => clock.wallNow() >= expiresAt;
  async function current(): Promise<string> {
    if (isExpired()) throw failure("has an id-token that has expired");
    return await token.current();
  }
  return {
    current,
    fresh: () => (isExpired() ? undefined : token.fresh?.()),
    async reload(waiting) {
      // If the kubeconfig has changed, the request is sent again with the new one, as after every 401.
      if (await isOutdated(waiting)) return idToken;
      throw failure("has an id-token that the server rejects");
    },
    peek: () => token.peek(),
    get status() {
      return token.status;
    },
    subscribe: (listener) => token.subscribe(listener),
  };
}
