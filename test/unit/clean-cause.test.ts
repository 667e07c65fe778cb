/**
 * What is kept of an error that a runtime throws.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { cleanCause } from "../../src/clean-cause.ts";
import { ConfigError } from "../../src/errors.ts";
import { shown } from "../contract/support/inspect.ts";

describe("cleanCause()", () => {
  test("keeps only names, codes and messages of an error and its causes", () => {
    const root = Object.assign(new RangeError("refused"), {
      code: "ECONNREFUSED",
      options: { proxy: { password: "sesame" } },
      socket: { auth: "sesame" },
    });
    const clean = cleanCause(new TypeError("fetch failed", { cause: root }));
    expect(clean).toMatchObject({
      name: "TypeError",
      message: "fetch failed",
      cause: { name: "RangeError", message: "refused", code: "ECONNREFUSED" },
    });
    expect(shown(clean)).not.toContain("sesame");
  });

  test("removes queries and control characters from messages, and shortens long ones", () => {
    const url = "https://a.example/api?token=sesame&x=(1)";
    const text = `error sending request for url (${url}): \u001b[31m really? ${"x".repeat(5_000)}`;
    const clean = cleanCause(new Error(text)) as Error;
    expect(clean.message).toMatch(/^error sending request for url \(https:\/\/a\.example\/api/);
    expect(clean.message).toContain("really?");
    expect(clean.message).not.toMatch(/sesame|\p{Cc}/u);
    expect(clean.message.length).toBeLessThan(1_100);
  });

  test("keeps reanchor's own errors unchanged, and stops at circular causes", () => {
    const own = new ConfigError("Cannot connect: no server");
    expect(cleanCause(own)).toBe(own);
    const circle = new Error("again");
    circle.cause = circle;
    let depth = 0;
    for (let at = cleanCause(circle); at instanceof Error; at = at.cause) depth += 1;
    expect(depth).toBe(5);
  });

  test("describes a thrown value that is not an error", () => {
    expect(cleanCause("plain?q=sesame")).toBe("plain");
    expect(cleanCause(undefined)).toBe("undefined");
  });
});
