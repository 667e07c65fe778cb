import { describe, expect, test } from "vitest";
import { LogPosition } from "../../../src/pods/log-position.ts";

const at = (time: string, text: string): string => `2026-01-01T00:00:${time}Z ${text}`;

describe("LogPosition", () => {
  test("asks from the beginning at first, then from the last line on and for no fewer lines", () => {
    const position = new LogPosition(false);
    expect(position.askAgain()).toEqual({ timestamps: "true" });
    position.advance(at("01.5", "a"));
    expect(position.askAgain()).toEqual({
      timestamps: "true",
      sinceTime: "2026-01-01T00:00:01.5Z",
      sinceSeconds: undefined,
      tailLines: undefined,
    });
  });

  test("tells a line once, though the log is asked for from its whole second on", () => {
    const position = new LogPosition(false);
    const lines = [at("01.1", "a"), at("01.25", "b"), at("01.25", "c"), at("01.9", "d")];
    position.askAgain();
    expect(lines.slice(0, 3).map((line) => position.advance(line))).toEqual(["a", "b", "c"]);
    position.askAgain();
    expect(lines.map((line) => position.advance(line))).toEqual([
      undefined,
      undefined,
      undefined,
      "d",
    ]);
  });

  test("tells equal lines of one time as often as they are there", () => {
    const position = new LogPosition(false);
    position.askAgain();
    expect(position.advance(at("01", "same"))).toBe("same");
    position.askAgain();
    expect(position.advance(at("01", "same"))).toBeUndefined();
    expect(position.advance(at("01", "same"))).toBe("same");
    position.askAgain();
    expect(position.advance(at("01", "same"))).toBeUndefined();
    expect(position.advance(at("01", "same"))).toBeUndefined();
    expect(position.advance(at("01", "same"))).toBe("same");
  });

  test("compares fractions of a second whatever their length", () => {
    const position = new LogPosition(false);
    position.askAgain();
    for (const time of ["01", "01.000000001", "01.1", "01.100000001", "01.2", "10"]) {
      expect(position.advance(at(time, time))).toBe(time);
    }
    expect(position.advance(at("09.999", "late"))).toBeUndefined();
    expect(position.advance(at("10.0", "the same time as 10"))).toBe("the same time as 10");
  });

  test("keeps the times where they are wanted, and lines without one as they are", () => {
    const position = new LogPosition(true);
    expect(position.advance(at("01", "a b"))).toBe("2026-01-01T00:00:01Z a b");
    expect(new LogPosition(false).advance("no time here")).toBe("no time here");
    expect(new LogPosition(false).advance(at("01", ""))).toBe("");
  });
});
