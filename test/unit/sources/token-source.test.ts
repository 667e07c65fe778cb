/**
 * Bearer tokens from files, functions and memory. The names of the cases are client-go's
 * (`transport/token_source_test.go`).
 *
 * @module
 */

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { ConfigError, SourceError } from "../../../src/errors.ts";
import type { ReanchorEvent } from "../../../src/events.ts";
import {
  bindFileTokenSource,
  bindFunctionTokenSource,
  staticTokenSource,
} from "../../../src/sources/token-source.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";

const path = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** A token in the form of a JWT. */
function jwt(claims: object | string): string {
  const payload = typeof claims === "string" ? claims : JSON.stringify(claims);
  const base64url = (text: string): string =>
    btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return `${base64url('{"alg":"none"}')}.${base64url(payload)}.c2ln`;
}

describe("Token", () => {
  test("cached: the same token with no read inside the interval", async () => {
    const runtime = createFakeRuntime();
    runtime.disk.set(path, "first");
    const source = bindFileTokenSource(runtime)(path);
    expect(await source.current()).toBe("first");
    runtime.disk.set(path, "second");
    await runtime.clock.advance(59_999);
    expect(await source.current()).toBe("first");
    expect(runtime.reads).toEqual([path]);
    await runtime.clock.advance(1);
    expect(await source.current()).toBe("second");
  });

  test("changed: one event, without the token", async () => {
    const runtime = createFakeRuntime();
    runtime.disk.set(path, "sesame-1");
    const source = bindFileTokenSource(runtime)(path);
    const events: ReanchorEvent[] = [];
    source.subscribe((event) => events.push(event));
    await source.current();
    await runtime.clock.advance(60_000);
    await source.current(); // Unchanged: nothing is emitted.
    const expiresAt = runtime.clock.wallNow() + 3_600_000;
    runtime.disk.set(path, jwt({ exp: expiresAt / 1_000 }));
    await runtime.clock.advance(60_000);
    await source.current();
    expect(events).toEqual([{ type: "token-reloaded", source: `file ${path}`, expiresAt }]);
  });

  test("refreshed ahead of expiry: 10 s before a JWT's exp", async () => {
    const runtime = createFakeRuntime();
    const first = jwt({ exp: runtime.clock.wallNow() / 1_000 + 40 });
    runtime.disk.set(path, first);
    const source = bindFileTokenSource(runtime)(path);
    await source.current();
    runtime.disk.set(path, "second");
    await runtime.clock.advance(29_999);
    expect(await source.current()).toBe(first);
    await runtime.clock.advance(1);
    expect(await source.current()).toBe("second");
  });

  test("expired already: read once a second, not at each use", async () => {
    const runtime = createFakeRuntime();
    const expired = jwt({ exp: runtime.clock.wallNow() / 1_000 - 3_600 });
    runtime.disk.set(path, expired);
    const source = bindFileTokenSource(runtime)(path);
    for (let second = 1; second <= 3; second++) {
      for (let call = 0; call < 100; call++) expect(await source.current()).toBe(expired);
      expect(runtime.reads).toHaveLength(second);
      await runtime.clock.advance(1_000);
    }
  });

  test.each([
    ["no exp", jwt({ sub: "system:serviceaccount:default:default" })],
    ["an exp that is no number", jwt({ exp: "soon" })],
    ["an exp beyond numbers", jwt('{"exp":1e999}')],
    ["a payload that is no object", jwt("null")],
    ["a payload that is no JSON", jwt("sesame")],
    ["a payload that is no base64", "a.!.c"],
    ["two parts", "a.b"],
    ["four parts", `${jwt({ exp: 0 })}.d`],
  ])("not a JWT with an expiry (%s): the interval applies", async (_, token) => {
    const runtime = createFakeRuntime();
    runtime.disk.set(path, token);
    const source = bindFileTokenSource(runtime)(path);
    await source.current();
    await runtime.clock.advance(59_999);
    expect(await source.current()).toBe(token);
    expect(runtime.reads).toHaveLength(1);
  });

  test("trimmed: surrounding white space is dropped", async () => {
    const runtime = createFakeRuntime();
    runtime.disk.set(path, "\uFEFF \r\n sesame\r\n\n");
    expect(await bindFileTokenSource(runtime)(path).current()).toBe("sesame");
  });

  test.each<[string, string | Uint8Array | Error | undefined, string]>([
    ["empty is an error", "", "empty"],
    ["white space alone is an error", " \n", "empty"],
    ["a newline inside is an error", "sesa\nme", "invalid"],
    ["a carriage return inside is an error", "sesa\rme", "invalid"],
    ["a NUL inside is an error", "sesa\0me", "invalid"],
    ["a character outside ASCII is an error", "sésame", "invalid"],
    ["bytes that are no text are an error", Uint8Array.from([0x73, 0xff]), "invalid"],
    ["a read error is an error", new Error("EIO"), "unreadable"],
    ["a removed file is an error", undefined, "unreadable"],
  ])("%s without a cached value; with one, that is kept", async (_, content, reason) => {
    const runtime = createFakeRuntime();
    const write = (value: typeof content): void => {
      if (value === undefined) runtime.disk.delete(path);
      else runtime.disk.set(path, value);
    };
    write(content);
    const error = await bindFileTokenSource(runtime)(path).current().catch(String);
    expect(error).toMatch(`SourceError: Cannot load token from file ${path}: `);
    expect(error).not.toMatch(/sesa|sésa/);

    write("kept");
    const source = bindFileTokenSource(runtime)(path);
    const events: ReanchorEvent[] = [];
    source.subscribe((event) => events.push(event));
    await source.current();
    write(content);
    await runtime.clock.advance(60_000);
    expect(await source.current()).toBe("kept");
    expect(events).toMatchObject([{ type: "reload-failed", kind: "token", error: { reason } }]);
    expect(inspect([events, source.status], { depth: 9 })).not.toMatch(/sesa|sésa|kept/);
  });

  test("100 callers x 100 calls: one read per period", async () => {
    const runtime = createFakeRuntime();
    runtime.disk.set(path, "sesame");
    const source = bindFileTokenSource(runtime)(path);
    for (let period = 1; period <= 3; period++) {
      const callers = Array.from({ length: 100 }, async () => {
        for (let call = 0; call < 100; call++) await source.current();
      });
      await Promise.all(callers);
      expect(runtime.reads).toHaveLength(period);
      await runtime.clock.advance(60_000);
    }
  });
});

describe("bindFunctionTokenSource()", () => {
  test("accepts a token directly or from a promise", async () => {
    const runtime = createFakeRuntime();
    expect(await bindFunctionTokenSource(runtime)(() => "sesame").current()).toBe("sesame");
    const later = bindFunctionTokenSource(runtime)(async (signal) => `sesame${signal.aborted}`);
    expect(await later.current()).toBe("sesamefalse");
  });

  test("rejects a function that returns no string, and a value that is not a function", async () => {
    const runtime = createFakeRuntime();
    const gives: unknown = () => undefined;
    const source = bindFunctionTokenSource(runtime)(gives as () => string);
    await expect(source.current()).rejects.toThrow(/it is not a string/);
    const notOne: unknown = "sesame";
    const make = (): unknown => bindFunctionTokenSource(runtime)(notOne as () => string);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(/^(?!.*sesame)/);
  });
});

test("staticTokenSource() always returns the same trimmed token", async () => {
  const source = staticTokenSource(" sesame\n");
  expect(await source.current()).toBe("sesame");
  expect(await source.reload()).toBe("sesame");
  expect(source.status).toMatchObject({ kind: "token", source: "memory" });
});

test.each(["", " \n", "sesa\nme", "sésame"])(
  "staticTokenSource() rejects %j without quoting it",
  (token) => {
    expect(() => staticTokenSource(token)).toThrow(SourceError);
    expect(() => staticTokenSource(token)).toThrow(/^Cannot use token: (?!.*s[eé]sa)/);
  },
);

test("bindFileTokenSource() says what to do on a runtime without files", () => {
  const runtime = createFakeRuntime({ name: "edge", hasFiles: false });
  expect(() => bindFileTokenSource(runtime)(path)).toThrow(ConfigError);
  expect(() => bindFileTokenSource(runtime)(path)).toThrow(/use functionTokenSource/);
});
