/**
 * What a failure of a runtime shows of itself.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { cleanCause } from "../../src/clean-cause.ts";
import { ConfigError } from "../../src/errors.ts";
import { shown } from "../contract/support/inspect.ts";

describe("cleanCause()", () => {
  test("keeps names, codes and messages of an error and its causes, and nothing else", () => {
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

  test("takes queries, control characters and what is too long out of messages", () => {
    const url = "https://a.example/api?token=sesame&x=(1)";
    const text = `error sending request for url (${url}): \u001b[31m really? ${"x".repeat(5_000)}`;
    const clean = cleanCause(new Error(text)) as Error;
    expect(clean.message).toMatch(/^error sending request for url \(https:\/\/a\.example\/api/);
    expect(clean.message).toContain("really?");
    expect(clean.message).not.toMatch(/sesame|\p{Cc}/u);
    expect(clean.message.length).toBeLessThan(1_100);
  });

  test("leaves an error of reanchor's own as it is, and ends where causes go in a circle", () => {
    const own = new ConfigError("Cannot connect: no server");
    expect(cleanCause(own)).toBe(own);
    const circle = new Error("again");
    circle.cause = circle;
    let depth = 0;
    for (let at = cleanCause(circle); at instanceof Error; at = at.cause) depth += 1;
    expect(depth).toBe(5);
  });

  test("says what was thrown that is no error", () => {
    expect(cleanCause("plain?q=sesame")).toBe("plain");
    expect(cleanCause(undefined)).toBe("undefined");
  });
});
