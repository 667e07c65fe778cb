/**
 * The trust layer alone.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { ClosedError, ConfigError } from "../../../src/errors.ts";
import { staticCaSource } from "../../../src/sources/ca-source.ts";
import { type CreateFetchOptions, bindCreateFetch } from "../../../src/transport/create-fetch.ts";
import { anchorPem } from "../support/certificates.ts";
import { createFakeRuntime, inTurn } from "../support/fake-runtime.ts";

const ca = staticCaSource(anchorPem());

describe("createFetch()", () => {
  test("returns a fetch for any https origin, with the trust of its bundle", async () => {
    const runtime = createFakeRuntime();
    const fetch = bindCreateFetch(runtime)({ ca });
    const response = await fetch("https://metrics.internal/healthz");
    expect(response).toBeInstanceOf(Response);
    expect(response.url).toBe("https://metrics.internal/healthz");
    await fetch(new URL("https://other.internal/"));
    await fetch(new Request("https://third.internal/", { method: "PUT", body: "text" }));
    expect(runtime.exchanges.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET https://metrics.internal/healthz",
      "GET https://other.internal/",
      "PUT https://third.internal/",
    ]);
    expect(runtime.transports).toHaveLength(1);
    expect(runtime.exchanges[0]?.headers.has("authorization")).toBe(false);
  });

  test.each([
    "http://metrics.internal/",
    "/healthz",
    "metrics.internal",
    "ftp://host/",
    "",
    "https://[",
  ])("rejects %j before anything connects", async (url) => {
    const runtime = createFakeRuntime();
    await expect(bindCreateFetch(runtime)({ ca })(url)).rejects.toThrow(TypeError);
    expect(runtime.transports).toEqual([]);
  });

  test("follows redirects within an origin, and returns others", async () => {
    const runtime = createFakeRuntime();
    const redirect = (location: string): Response =>
      new Response(null, { status: 302, headers: { location } });
    runtime.answer = inTurn(
      () => redirect("/b"),
      () => redirect("https://evil.example/"),
    );
    const response = await bindCreateFetch(runtime)({ ca })("https://host/a");
    expect(response.status).toBe(302);
    expect(runtime.exchanges.map(({ url }) => url)).toEqual(["https://host/a", "https://host/b"]);
  });

  test("reports its status, closes, and then rejects requests", async () => {
    const runtime = createFakeRuntime();
    const fetch = bindCreateFetch(runtime)({ ca });
    expect(fetch.status()).toMatchObject({ ca: { source: "memory" }, generations: [] });
    await fetch("https://host/");
    expect(fetch.status().generations).toHaveLength(1);
    await fetch[Symbol.asyncDispose]();
    expect(fetch.status().generations).toEqual([]);
    await expect(fetch("https://host/")).rejects.toThrow(ClosedError);
  });

  test("leaves no timer behind once it has a response", async () => {
    const runtime = createFakeRuntime();
    await bindCreateFetch(runtime)({ ca })("https://host/");
    expect(runtime.clock.pending).toBe(0);
  });

  test.each<[string, object, RegExp]>([
    [
      "an option that there is none of",
      { exclusivetrust: true },
      /option exclusivetrust of createFetch/,
    ],
    ["a token, which is connect's", { token: "sesame" }, /option token of createFetch/],
    ["a time limit that is none", { timeoutMs: "1" }, /option timeoutMs/],
    ["a time limit out of range", { connectTimeoutMs: 0 }, /option connectTimeoutMs/],
    [
      "exclusive trust in nothing",
      { ca: undefined, exclusiveTrust: true },
      /no CA bundle to trust alone/,
    ],
  ])("rejects %s at construction", (_, options, message) => {
    expect(() => bindCreateFetch(createFakeRuntime())({ ca, ...options })).toThrow(message);
  });

  test("throws at construction if the runtime does not support a security option", () => {
    const edge = createFakeRuntime({ name: "edge", capabilities: { customCa: "none" } });
    expect(() => bindCreateFetch(edge)({ ca })).toThrow(ConfigError);
    expect(() => bindCreateFetch(edge)({ ca })).toThrow(
      /on edge: .* pass its fetch as the option "fetch"/,
    );
    expect(() => bindCreateFetch(edge)({})).not.toThrow();
    const additive = createFakeRuntime({ capabilities: { exclusiveTrust: false } });
    const options: CreateFetchOptions = { ca, exclusiveTrust: true };
    expect(() => bindCreateFetch(additive)(options)).toThrow(
      /exclusiveTrust: node can't honour it/,
    );
  });
});
