/**
 * Options that a runtime does not support are rejected at construction.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import type { Capabilities, TransportOptions } from "../../../src/runtime.ts";
import { staticCaSource } from "../../../src/sources/ca-source.ts";
import { bindFunctionClientCertSource } from "../../../src/sources/client-cert-source.ts";
import { type TrustOptions, checkTrustOptions } from "../../../src/rotation/trust-settings.ts";
import { anchorPem } from "../support/certificates.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";

const ca = staticCaSource(anchorPem());
const clientCert = bindFunctionClientCertSource(createFakeRuntime())(() => {
  throw new Error("never called");
});

function check(
  settings: TrustOptions,
  capabilities: Partial<Capabilities> = {},
  options: Partial<TransportOptions> = {},
) {
  return checkTrustOptions(createFakeRuntime({ capabilities }), settings, {
    connectTimeoutMs: 10_000,
    exclusiveTrust: false,
    repeatsHeaders: false,
    ...options,
  });
}

describe("checkTrustOptions()", () => {
  test.each<[string, TrustOptions, Partial<Capabilities>, Partial<TransportOptions>, RegExp]>([
    ["a CA", { ca }, { customCa: "none" }, {}, /a CA bundle on node/],
    [
      "a client certificate",
      { clientCert },
      { clientCertificates: false },
      {},
      /client certificate/,
    ],
    [
      "an identity",
      { ca, serverIdentity: "spiffe://a/b" },
      { serverIdentity: false },
      {},
      /option serverIdentity: node/,
    ],
    ["a server name", { serverName: "a" }, { serverName: false }, {}, /option serverName: node/],
    [
      "no check at all",
      { insecureSkipTlsVerify: true },
      { insecureSkipTlsVerify: false },
      {},
      /option insecureSkipTlsVerify: node/,
    ],
    ["exclusive trust", { ca }, { exclusiveTrust: false }, { exclusiveTrust: true }, /node can't/],
    ["several groups", {}, { repeatedHeaders: false }, { repeatsHeaders: true }, /several groups/],
    ["a proxy", { proxy: "socks5://p:1" }, { proxies: ["http"] }, {}, /these kinds: http$/],
    ["any proxy", { proxy: "http://p:1" }, { proxies: [] }, {}, /these kinds: none$/],
  ])("rejects %s if the runtime does not support it", (_, settings, capabilities, options, why) => {
    expect(() => check(settings, capabilities, options)).toThrow(ConfigError);
    expect(() => check(settings, capabilities, options)).toThrow(why);
    expect(() => check(settings, {}, options)).not.toThrow();
  });

  test("insecure with a CA is rejected", () => {
    expect(() => check({ ca, insecureSkipTlsVerify: true })).toThrow(/there is a CA bundle/);
  });

  test("exclusive trust without a CA is rejected", () => {
    expect(() => check({}, {}, { exclusiveTrust: true })).toThrow(/no CA bundle to trust alone/);
  });

  test.each(["", "a b", "a/b", "-a", "a\nb", "https://a"])("rejects %j as server name", (name) => {
    expect(() => check({ serverName: name })).toThrow(/neither a host name nor an IP address/);
  });

  test.each(["proxy", "ftp://proxy", "http://", "://", "proxy:3128"])(
    "rejects %j as proxy, and quotes none of its credentials",
    (proxy) => {
      expect(() => check({ proxy })).toThrow(/it is no URL of an http, https or socks5 proxy/);
    },
  );

  test("quotes nothing of a proxy's URL", () => {
    expect(() => check({ proxy: "gopher://me:sesame@proxy" })).toThrow(/^(?!.*sesame)/);
  });

  test("accepts socks5h as socks5, and false as no proxy", () => {
    expect(check({ proxy: "socks5h://me:sesame@proxy:1" }).proxy?.href).toBe(
      "socks5://me:sesame@proxy:1",
    );
    expect(check({ proxy: false }).proxy).toBeUndefined();
    expect(check({ proxy: new URL("http://proxy:3128") }).proxy?.host).toBe("proxy:3128");
  });

  test("rejects options that a runtime can't combine", () => {
    const runtime = { ...createFakeRuntime(), conflict: () => "not these two" };
    const { signal: closing } = new AbortController();
    const options = { connectTimeoutMs: 1, exclusiveTrust: false, repeatsHeaders: false, closing };
    expect(() => checkTrustOptions(runtime, {}, options)).toThrow(
      "Cannot connect on node: not these two",
    );
  });
});
