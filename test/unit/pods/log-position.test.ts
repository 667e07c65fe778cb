import { describe, expect, test } from "vitest";
import { LogPosition } from "../../../src/pods/log-position.ts";
import { seededRandom } from "../../../src/testing/model/faults.ts";

const at = (time: string, text: string): string => `2026-01-01T00:00:${time}Z ${text}`;

/** The lines that the kubelet returns: those not older than a whole second. */
function since(
  log: readonly string[],
  query: Readonly<Record<string, string | undefined>>,
): string[] {
  const { sinceTime } = query;
  if (sinceTime === undefined) return [...log];
  const second = Math.floor(Date.parse(sinceTime) / 1_000) * 1_000;
  return log.filter((line) => !(Date.parse(line.split(" ", 1)[0] ?? "") < second));
}

describe("LogPosition", () => {
  test("resume() starts at the beginning, and later before the last line, with at least as many lines", () => {
    const position = new LogPosition(false);
    expect(position.resume()).toEqual({ timestamps: "true" });
    position.advance(at("09.5", "a"));
    expect(position.resume()).toEqual({
      timestamps: "true",
      sinceTime: "2026-01-01T00:00:04.000Z",
      sinceSeconds: undefined,
      tailLines: undefined,
    });
  });

  test("advance() returns every line of a connection, even if its timestamps are out of order", () => {
    const position = new LogPosition(false);
    const lines = [
      at("05", "a"),
      at("03", "stderr"),
      at("05", "a"),
      at("59", "late"),
      at("01", "early"),
    ];
    position.resume();
    expect(lines.map((line) => position.advance(line))).toEqual([
      "a",
      "stderr",
      "a",
      "late",
      "early",
    ]);
  });

  test("advance() skips lines that were already delivered, by timestamp and text", () => {
    const position = new LogPosition(false);
    const log = [at("11.1", "a"), at("11.25", "b"), at("11.2", "b"), at("11.25", "c")];
    for (const line of log) position.advance(line);
    const more = [...log, at("11.2", "late"), at("11.25", "c"), at("11.9", "d")];
    const found = since(more, position.resume()).map((line) => position.advance(line));
    expect(found).toEqual([undefined, undefined, undefined, undefined, "late", "c", "d"]);
  });

  test("advance() returns identical lines as often as they occur", () => {
    const position = new LogPosition(false);
    const same = at("01", "same");
    expect(position.advance(same)).toBe("same");
    position.resume();
    expect(position.advance(same)).toBeUndefined();
    expect(position.advance(same)).toBe("same");
    position.resume();
    expect(position.advance(same)).toBeUndefined();
    expect(position.advance(same)).toBeUndefined();
    expect(position.advance(same)).toBe("same");
  });

  test("advance() returns the following lines even if earlier ones have been rotated away", () => {
    const position = new LogPosition(false);
    for (const second of ["10", "11", "12"]) position.advance(at(second, second));
    position.resume();
    expect(position.advance(at("12", "12"))).toBeUndefined();
    expect(position.advance(at("13", "13"))).toBe("13");
    expect(position.advance(at("30", "30"))).toBe("30");
    expect(position.advance(at("10", "early, but new"))).toBe("early, but new");
  });

  test("advance() skips nothing after the clock was set back", () => {
    const position = new LogPosition(false);
    const log = [at("50", "before"), at("20", "after")];
    for (const line of log) position.advance(line);
    log.push(at("21", "new"));
    const found = since(log, position.resume()).map((line) => position.advance(line));
    expect(found).toEqual([undefined, undefined, "new"]);
  });

  test("advance() keeps timestamps if requested, and lines without one unchanged", () => {
    const position = new LogPosition(true);
    expect(position.advance(at("01", "a b"))).toBe("2026-01-01T00:00:01Z a b");
    expect(new LogPosition(false).advance("no time here")).toBe("no time here");
    expect(new LogPosition(false).advance(at("01", ""))).toBe("");
    expect(new LogPosition(false).advance("2026-99-99T00:00:00Z x")).toBe("2026-99-99T00:00:00Z x");
  });

  test("advance() treats a fraction of more than nine digits as text, quickly", () => {
    const line = `2026-01-01T00:00:00.${"0".repeat(5_000_000)}1Z x`;
    expect(new LogPosition(false).advance(line)).toBe(line);
  });

  test("every line is returned once, whatever is cut and however stdout and stderr interleave", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const log = Array.from({ length: 300 }, (_, index) => {
        const jitter = (random() - 0.5) * 4_000;
        const time = new Date(1_700_000_000_000 + index * 200 + jitter);
        return `${time.toISOString()} ${random() < 0.3 ? "same" : `line ${index}`}`;
      });
      const position = new LogPosition(true);
      const delivered: string[] = [];
      let length = 0;
      while (length < log.length) {
        const query = position.resume();
        length = Math.min(log.length, length + Math.floor(random() * 80));
        for (const line of since(log.slice(0, length), query)) {
          const found = position.advance(line);
          if (found !== undefined) delivered.push(found);
        }
      }
      expect(delivered, `seed ${seed}`).toEqual(log);
    }
  });

  test("every line is returned once, even if the clock is set back or forward meanwhile", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const position = new LogPosition(true);
      const log: string[] = [];
      const delivered: string[] = [];
      for (let time = 1_700_000_000_000, connection = 0; connection < 12; connection++) {
        const query = position.resume();
        const lines = 1 + Math.floor(random() * 60);
        for (let line = 0; line < lines; line++) {
          // Set back in the first connection only: later ones ask for a time, and the server omits older
          // lines.
          if (random() < 0.02) time += (random() - (connection === 0 ? 0.5 : 0)) * 7_200_000;
          time += 500 * random();
          log.push(`${new Date(time).toISOString()} line ${log.length}`);
        }
        for (const line of since(log, query)) {
          const found = position.advance(line);
          if (found !== undefined) delivered.push(found);
        }
      }
      expect(delivered, `seed ${seed}`).toEqual(log);
    }
  });

  test("part of a flood of lines is remembered, and each line is delivered once", () => {
    const position = new LogPosition(true);
    const log = Array.from({ length: 120_000 }, (_, index) =>
      at(`01.${String(index).padStart(6, "0")}`, String(index)),
    );
    let count = 0;
    for (const line of log.slice(0, 100_000)) if (position.advance(line) !== undefined) count += 1;
    position.resume();
    for (const line of log) if (position.advance(line) !== undefined) count += 1;
    expect(count).toBe(log.length);
  });
});
