/**
 * Validation of a config.
 *
 * @module
 */

import { expect, test } from "vitest";
import { basicAuthorization, checkClusterConfig } from "../../../src/config/cluster-config.ts";
import { ConfigError } from "../../../src/errors.ts";
import { staticCaSource } from "../../../src/sources/ca-source.ts";
import { staticTokenSource } from "../../../src/sources/token-source.ts";
import { anchorPem } from "../support/certificates.ts";

test.each(["https://10.0.0.1:6443", "https://host/prefix/", "http://127.0.0.1:8001"])(
  "checkClusterConfig() accepts %s, as text and as URL",
  (server) => {
    expect(checkClusterConfig({ server }).href).toBe(new URL(server).href);
    expect(checkClusterConfig({ server: new URL(server) }).href).toBe(new URL(server).href);
  },
);

test.each([
  "",
  "10.0.0.1",
  "ftp://host",
  "file:///etc/passwd",
  "https://",
  "https://user:sesame@host",
  "https://user@host",
  "https://host?token=sesame",
  "https://host#sesame",
])("checkClusterConfig() rejects %j, and does not quote a secret in it", (server) => {
  expect(() => checkClusterConfig({ server })).toThrow(ConfigError);
  expect(() => checkClusterConfig({ server })).toThrow(/^(?!.*sesame)/);
});

test.each([
  "https://a.example?",
  "https://a.example/path?",
  "https://a.example#",
  "https://a.example/?x=y",
  "https://a.example/#f",
  " https://a.example",
  "https://a.example\n",
  "https://a.exa\tmple",
  "https:\\\\a.example",
  "https://a.example\\path",
])("checkClusterConfig() rejects the server %j, which is not where requests would go", (server) => {
  expect(() => checkClusterConfig({ server })).toThrow(/white space, a backslash, \? or #/);
  const url = URL.parse(server);
  if (url !== null && /[?#]/.test(url.href)) {
    expect(() => checkClusterConfig({ server: url })).toThrow(/\? or #/);
  }
});

test("checkClusterConfig() rejects a CA or a token over http, where nothing protects them", () => {
  const server = "http://127.0.0.1:8001";
  const token = staticTokenSource("sesame");
  expect(() => checkClusterConfig({ server, token })).toThrow(ConfigError);
  expect(() => checkClusterConfig({ server, ca: staticCaSource(anchorPem()) })).toThrow(
    /use https/,
  );
});

test("checkClusterConfig() rejects any credential over http, and a token beside basicAuth", () => {
  const basicAuth = { username: "me", password: "sesame" };
  expect(() => checkClusterConfig({ server: "http://127.0.0.1:8001", basicAuth })).toThrow(
    /use https/,
  );
  const token = staticTokenSource("sesame");
  expect(() => checkClusterConfig({ server: "https://host", token, basicAuth })).toThrow(
    /a token and basicAuth, .* drop one$/,
  );
});

test("basicAuthorization() encodes in UTF-8, and rejects a colon that would end the name", () => {
  expect(basicAuthorization({ username: "me", password: "p:é" })).toBe("Basic bWU6cDrDqQ==");
  expect(() => basicAuthorization({ username: "m:e", password: "sesame" })).toThrow(
    /^Cannot use basicAuth: (?!.*sesame)/,
  );
});
