/**
 * The two ends of a connection: who may vouch for the server, and what the client shows it.
 *
 * @module
 */

import { type ServerIdentity, checkServerIdentityOption } from "../certificates/spiffe-id.ts";
import { readServerName } from "../certificates/server-name.ts";
import { ConfigError, toUnsupportedError } from "../errors.ts";
import { checkFlag } from "../options.ts";
import type { ProxyScheme, Runtime, TransportOptions } from "../runtime.ts";
import type { CaSource } from "../sources/ca-source.ts";
import type { ClientCert } from "../sources/client-cert-source.ts";
import { type Source, checkSource } from "../sources/source.ts";
import { IdentityCheck } from "./identity-check.ts";

/** The two ends, checked. */
export interface TrustSettings {
  /** Whom to trust; `undefined` for the runtime's own store, which never rotates. */
  readonly ca: CaSource | undefined;
  /** What to prove one's identity with. A source may have nothing to give, now or at all. */
  readonly clientCert: Source<ClientCert | undefined> | undefined;
  /** The name that the server's certificate must carry, if not the URL's; see {@link readServerName}. */
  readonly serverName: string | undefined;
  /** What the server's certificate must carry in place of the host name. */
  readonly serverIdentity: IdentityCheck | undefined;
  /** Whether the server goes unchecked. */
  readonly insecureSkipTlsVerify: boolean;
  /** Through which proxy; `undefined` for none. */
  readonly proxy: URL | undefined;
  /** Whether a flag of the runtime may leave the server unverified. */
  readonly ignoresCertificateErrors: boolean;
}

/** The two ends, as a caller describes them. */
export interface TrustOptions {
  readonly ca?: CaSource | undefined;
  readonly clientCert?: Source<ClientCert | undefined> | undefined;
  readonly serverName?: string | undefined;
  readonly serverIdentity?: ServerIdentity | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
  readonly proxy?: string | URL | false | undefined;
}

/**
 * Checks the two ends against one another and against the runtime.
 *
 * @throws {ConfigError} if they contradict, or the runtime can't honour one.
 */
export function checkTrustOptions(
  runtime: Runtime,
  settings: TrustOptions,
  options: TransportOptions,
): TrustSettings {
  const { ca, clientCert } = settings;
  checkSource("option ca", ca, "fileCaSource() or staticCaSource()");
  checkSource(
    "option clientCert",
    clientCert,
    "fileClientCertSource() or staticClientCertSource()",
  );
  const insecureSkipTlsVerify = checkFlag("insecureSkipTlsVerify", settings.insecureSkipTlsVerify);
  const { name, capabilities } = runtime;
  if (ca !== undefined && capabilities.customCa === "none") {
    throw toUnsupportedError(
      runtime,
      `Cannot use a CA bundle on ${name}: requests there can't carry one; let the platform trust the server's CA (a bound service, a TLS setting of the host) and pass its fetch as the option "fetch"`,
    );
  }
  if (clientCert !== undefined && !capabilities.clientCertificates) {
    throw toUnsupportedError(
      runtime,
      `Cannot use a client certificate on ${name}: requests there can't carry one; let the platform hold it (an mTLS binding) and pass its fetch as the option "fetch"`,
    );
  }
  const serverName = checkServerName(runtime, settings.serverName);
  const serverIdentity = checkServerIdentity(runtime, settings);
  if (insecureSkipTlsVerify) {
    if (!capabilities.insecureSkipTlsVerify) throw cannotHonour("insecureSkipTlsVerify", runtime);
    if (ca !== undefined) {
      throw new ConfigError(
        "Cannot use option insecureSkipTlsVerify: there is a CA bundle to check the server by; drop one of the two",
      );
    }
  }
  if (options.exclusiveTrust) {
    if (ca === undefined) {
      throw new ConfigError(
        "Cannot use option exclusiveTrust: there is no CA bundle to trust alone",
      );
    }
    if (!capabilities.exclusiveTrust) throw cannotHonour("exclusiveTrust", runtime);
  }
  if (options.repeatsHeaders && !capabilities.repeatedHeaders) {
    throw toUnsupportedError(
      runtime,
      `Cannot impersonate a user with several groups, or several values of one extra field, on ${name}: it joins header lines of one name, which the API server would take for one group`,
    );
  }
  const proxy = checkProxy(runtime, settings.proxy);
  const fixed = { serverName, serverIdentity, insecureSkipTlsVerify, proxy };
  const all = {
    ...fixed,
    serverIdentity: serverIdentity?.check,
    hasClientCert: clientCert !== undefined,
  };
  const conflict = runtime.conflict?.(all, options);
  if (conflict !== undefined) throw new ConfigError(`Cannot connect on ${name}: ${conflict}`);
  const ignoresCertificateErrors = runtime.ignoresCertificateErrors?.(all, options) ?? false;
  return { ca, clientCert, ...fixed, ignoresCertificateErrors };
}

function checkServerName(runtime: Runtime, given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const serverName = readServerName(given);
  if (serverName === undefined) {
    throw new ConfigError(
      "Cannot use option serverName: it is neither a host name nor an IP address",
    );
  }
  if (!runtime.capabilities.serverName) throw cannotHonour("serverName", runtime);
  return serverName;
}

/** An identity is worth what the authority is that vouches for it. */
function checkServerIdentity(
  runtime: Runtime,
  { ca, serverName, serverIdentity, insecureSkipTlsVerify }: TrustOptions,
): IdentityCheck | undefined {
  if (serverIdentity === undefined) return undefined;
  checkServerIdentityOption(serverIdentity);
  if (!runtime.capabilities.serverIdentity) throw cannotHonour("serverIdentity", runtime);
  if (ca === undefined || serverName !== undefined || insecureSkipTlsVerify) {
    throw new ConfigError(
      "Cannot use option serverIdentity: it needs a CA bundle, and neither serverName nor insecureSkipTlsVerify beside it",
    );
  }
  return new IdentityCheck(serverIdentity);
}

function checkProxy(runtime: Runtime, proxy: TrustOptions["proxy"]): URL | undefined {
  if (proxy === undefined || proxy === false || proxy === "") return undefined;
  const url = URL.parse(String(proxy));
  const scheme = url?.protocol.replace(/:$/, "").replace(/^socks5h$/, "socks5");
  if (url === null || url.hostname === "" || !isProxyScheme(scheme)) {
    throw new ConfigError(
      "Cannot use option proxy: it is no URL of an http, https or socks5 proxy, such as http://proxy.example:3128",
    );
  }
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    throw new ConfigError(
      "Cannot use option proxy: its user or password has a percent sign that encodes nothing; write it as %25",
    );
  }
  if (!runtime.capabilities.proxies.includes(scheme)) {
    const known = runtime.capabilities.proxies.join(", ") || "none";
    throw toUnsupportedError(
      runtime,
      `Cannot use option proxy on ${runtime.name}: it can go through no ${scheme} proxy, but through these kinds: ${known}`,
    );
  }
  return scheme === "socks5" ? new URL(url.href.replace(/^socks5h:/, "socks5:")) : url;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function isProxyScheme(scheme: string | undefined): scheme is ProxyScheme {
  return scheme === "http" || scheme === "https" || scheme === "socks5";
}

function cannotHonour(option: string, runtime: Runtime): ConfigError {
  return toUnsupportedError(
    runtime,
    `Cannot use option ${option}: ${runtime.name} can't honour it`,
  );
}
