/**
 * The headers of impersonation.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { impersonationLines } from "../../../src/config/impersonation.ts";
import { hasRepeats, withImpersonation } from "../../../src/transport/impersonation-headers.ts";
import { answer, outgoing, recordingSend } from "../support/outgoing.ts";

describe("impersonationLines()", () => {
  test("returns a line each for user, UID, groups and extra, with escaped keys", () => {
    expect(
      impersonationLines({
        user: "jane",
        uid: "42",
        groups: ["a", "b, c"],
        extra: { "Example.org/scope%": ["x"], é: ["y", "z"] },
      }),
    ).toEqual([
      ["impersonate-user", "jane"],
      ["impersonate-uid", "42"],
      ["impersonate-group", "a"],
      ["impersonate-group", "b, c"],
      ["impersonate-extra-example.org%2Fscope%25", "x"],
      ["impersonate-extra-%C3%A9", "y"],
      ["impersonate-extra-%C3%A9", "z"],
    ]);
  });

  test.each([
    [{ user: "", groups: ["system:masters"] }, /impersonate\.user is empty/],
    [{ user: "a\r\nb" }, /impersonate-user holds a character/],
    [{ user: "a", groups: ["grün"] }, /impersonate-group holds a character/],
    [{ user: "  " }, /impersonate-user is empty, or has white space/],
    [{ user: " jane" }, /impersonate-user is empty, or has white space/],
    [{ user: "jane\t" }, /impersonate-user is empty, or has white space/],
    [{ user: "a", uid: "" }, /impersonate-uid is empty/],
    [{ user: "a", groups: [""] }, /impersonate-group is empty/],
    [{ user: "a", groups: ["b", " "] }, /impersonate-group is empty/],
    [{ user: "a", extra: { scope: [""] } }, /impersonate-extra-scope is empty/],
    [{ user: "a", extra: { " ": ["b"] } }, /a name in impersonate\.extra is empty/],
  ])("throws a ConfigError for %j", (impersonation, message) => {
    expect(() => impersonationLines(impersonation)).toThrow(message);
  });
});

describe("impersonationLines()", () => {
  test.each<[what: string, given: object, name: string]>([
    ["a uid", { user: "jane", uid: 5 }, "impersonate-uid"],
    ["a group", { user: "jane", groups: [5] }, "impersonate-group"],
    ["an extra value", { user: "jane", extra: { a: [null] } }, "impersonate-extra-a"],
  ])("names the value if %s is not a string", (_what, given, name) => {
    expect(() => impersonationLines(given as never)).toThrow(
      new RegExp(`a value of ${name} is .*, not a string`),
    );
  });
});

describe("withImpersonation()", () => {
  test("sets headers if no name occurs twice", async () => {
    const { send, sent } = recordingSend(answer(200));
    const lines = impersonationLines({ user: "jane", groups: ["a"] });
    expect(hasRepeats(lines)).toBe(false);
    await withImpersonation(send, lines)(outgoing("/api"));
    expect(Object.fromEntries(sent[0]?.request.headers ?? [])).toEqual({
      "impersonate-user": "jane",
      "impersonate-group": "a",
    });
  });

  test("never joins lines with the same name", async () => {
    const { send, sent } = recordingSend(answer(200));
    const lines = impersonationLines({ user: "jane", groups: ["a", "b"] });
    expect(hasRepeats(lines)).toBe(true);
    await withImpersonation(send, lines)(outgoing("/api"));
    expect(sent[0]?.request.headerLines).toEqual(lines);
    expect(sent[0]?.request.headers.has("impersonate-group")).toBe(false);
  });

  test("adds nothing if the caller impersonates a user", async () => {
    const { send, sent } = recordingSend(answer(200));
    const headers = new Map([["impersonate-user", "joe"]]);
    const lines = impersonationLines({ user: "jane", groups: ["a", "b"] });
    await withImpersonation(send, lines)(outgoing("/api", { headers }));
    expect(sent[0]?.request.headerLines).toEqual([]);
    expect(sent[0]?.request.headers.get("impersonate-user")).toBe("joe");
  });
});
