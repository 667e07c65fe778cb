/**
 * Error classes: names, codes, the brand across two loaded copies, the package's version.
 *
 * @module
 */

import { expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import * as errors from "../../src/errors.ts";
import { type AnyReanchorError, isReanchorError } from "../../src/api/any-error.ts";
import { ApiError } from "../../src/api/api-error.ts";
import { version } from "../../src/version.ts";

const {
  ClosedError,
  ConfigError,
  ConnectionError,
  InvalidObjectError,
  ReanchorError,
  SourceError,
  TimeoutError,
  UntrustedServerError,
} = errors;

const cause = new Error("underneath");
const untrusted = {
  reason: "expired",
  server: "https://10.0.0.1",
  caSource: "memory",
  fingerprint: "00",
} as const;

const all: readonly (readonly [name: string, code: string, error: errors.ReanchorError])[] = [
  ["ClosedError", "ERR_REANCHOR_CLOSED", new ClosedError("m", { cause })],
  ["ConfigError", "ERR_REANCHOR_CONFIG", new ConfigError("m", { cause })],
  ["ConnectionError", "ERR_REANCHOR_CONNECTION", new ConnectionError("m", { cause })],
  ["SourceError", "ERR_REANCHOR_SOURCE", new SourceError("m", "empty", { cause })],
  ["TimeoutError", "ERR_REANCHOR_TIMEOUT", new TimeoutError("m", { cause })],
  [
    "UntrustedServerError",
    "ERR_REANCHOR_UNTRUSTED_SERVER",
    new UntrustedServerError("m", untrusted, { cause }),
  ],
];

test.each(all)(
  "%s has its name and its code, keeps message and cause, and is known",
  (name, code, error) => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(ReanchorError);
    expect(error.name).toBe(name);
    expect(error.code).toBe(code);
    expect(error.message).toBe("m");
    expect(error.cause).toBe(cause);
    expect(String(error)).toBe(`${name}: m`);
    expect(error.stack).toContain(name);
    expect(isReanchorError(error)).toBe(true);
  },
);

test("ApiError has its name and its code, and is known", () => {
  const error = new ApiError({ method: "GET", path: "/api", status: 404, body: "" });
  expect(error).toBeInstanceOf(ReanchorError);
  expect(error).toMatchObject({ name: "ApiError", code: "ERR_REANCHOR_API" });
  expect(isReanchorError(error)).toBe(true);
});

test("every error has a code of its own", () => {
  expect(new Set(all.map(([, code]) => code)).size).toBe(all.length);
});

test("SourceError and UntrustedServerError carry their details", () => {
  expect(new SourceError("m", "timeout").reason).toBe("timeout");
  expect(new UntrustedServerError("m", untrusted)).toMatchObject(untrusted);
});

test("isReanchorError() recognises an error from a second copy of the package", async () => {
  const query = "?second-copy";
  const copy = (await import(/* @vite-ignore */ `../../src/errors.ts${query}`)) as typeof errors;
  const foreign = new copy.ConfigError("m");
  expect(foreign).not.toBeInstanceOf(ConfigError);
  expect(isReanchorError(foreign)).toBe(true);
  expect(copy.isBranded(new ConfigError("m"))).toBe(true);
});

test.each([
  [new TypeError("m")],
  ["ConfigError"],
  [null],
  [undefined],
  [{ code: "ERR_REANCHOR_API" }],
])("isReanchorError() rejects %o", (value) => {
  expect(isReanchorError(value)).toBe(false);
});

test("the brand is not visible where an error is printed", () => {
  const error = new ConfigError("m");
  expect(Object.keys(error)).not.toContain("brand");
  expect(JSON.stringify(error)).toBe(
    '{"name":"ConfigError","code":"ERR_REANCHOR_CONFIG","message":"m"}',
  );
});

test("version equals package.json's", () => {
  expect(version).toBe(packageJson.version);
});

test.each(all)("%s as JSON has its details, and nothing of its cause", (name, code, error) => {
  const read = JSON.parse(JSON.stringify(error)) as Record<string, unknown>;
  expect(read).toMatchObject({ name, code, message: "m" });
  expect(JSON.stringify(error)).not.toContain("underneath");
  expect(read).not.toHaveProperty("stack");
});

test("an UntrustedServerError as JSON names the trusted CA", () => {
  const error = new UntrustedServerError("m", untrusted);
  expect(JSON.parse(JSON.stringify(error))).toMatchObject(untrusted);
});

test("isReanchorError() narrows the type of an error by its code", () => {
  // Every code is that of a class: this line does not compile otherwise.
  const codes: readonly AnyReanchorError["code"][] = [] as readonly errors.ReanchorErrorCode[];
  expect(codes).toEqual([]);
  const told = [
    new ApiError({ method: "GET", path: "/api", status: 404, body: "" }),
    new InvalidObjectError("Widget default/a", [{ message: "no size", path: ["spec", "size"] }]),
    new UntrustedServerError("m", untrusted),
    new TypeError("m"),
  ].map(tell);
  expect(told).toEqual(["NotFound", "Widget default/a", "https://10.0.0.1", "none of reanchor"]);
});

function tell(error: unknown): string | undefined {
  if (!isReanchorError(error)) return "none of reanchor";
  switch (error.code) {
    case "ERR_REANCHOR_API":
      return error.reason;
    case "ERR_REANCHOR_INVALID_OBJECT":
      return error.object;
    case "ERR_REANCHOR_UNTRUSTED_SERVER":
      return error.server;
    default:
      return error.code;
  }
}
