/**
 * A config checked against itself.
 *
 * @module
 */

import { expect, test } from "vitest";
import { checkClusterConfig } from "../../../src/config/cluster-config.ts";
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
])("checkClusterConfig() refuses %j, and does not quote a secret in it", (server) => {
  expect(() => checkClusterConfig({ server })).toThrow(ConfigError);
  expect(() => checkClusterConfig({ server })).toThrow(/^(?!.*sesame)/);
});

test("checkClusterConfig() refuses a CA or a token over http, where nothing protects them", () => {
  const server = "http://127.0.0.1:8001";
  const token = staticTokenSource("sesame");
  expect(() => checkClusterConfig({ server, token })).toThrow(ConfigError);
  expect(() => checkClusterConfig({ server, ca: staticCaSource(anchorPem()) })).toThrow(
    /use https/,
  );
});
