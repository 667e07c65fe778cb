/**
 * Failures by the codes of errors.
 *
 * @module
 */

import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { programError } from "../../../runtimes/_shared/program-errors.ts";
import { failureByCode } from "../../../runtimes/_shared/node-error-codes.ts";

test("failureByCode() knows an error of another realm, and one that is its cause", () => {
  const cause: unknown = runInNewContext("Object.assign(new Error(), { code: 'ECONNRESET' })");
  expect(cause).not.toBeInstanceOf(Error);
  expect(failureByCode(cause)).toBe("lost");
  expect(failureByCode(new TypeError("fetch failed", { cause }))).toBe("lost");
});

test("programError() knows an error of another realm", () => {
  const error: unknown = runInNewContext("Object.assign(new Error(), { code: 'EACCES' })");
  expect(programError("login", error)).toMatchObject({ reason: "denied" });
});

test.each([undefined, null, "ECONNRESET", { code: 3 }, new Error("no code")])(
  "failureByCode() knows nothing of %s",
  (error) => {
    expect(failureByCode(error)).toBeUndefined();
  },
);
