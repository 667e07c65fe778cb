/**
 * The timeline on a terminal, redrawn as it grows, and as plain lines elsewhere.
 *
 * @module
 */

import {
  type ClientRecord,
  type Outcome,
  type Slot,
  type TrustStep,
  type Verdict,
  slots,
} from "./timeline.ts";

const SLOT_MS = 250;
const NAME_WIDTH = 22;

const colours = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 } as const;

/** Colours text, or leaves it. */
export type Paint = (colour: keyof typeof colours, text: string) => string;

/** Makes a painter. */
export function painter(enabled: boolean): Paint {
  return (colour, text) => (enabled ? `\u001B[${colours[colour]}m${text}\u001B[0m` : text);
}

const marks: Readonly<Record<Slot, readonly [keyof typeof colours, string]>> = {
  idle: ["dim", "·"],
  ok: ["green", "█"],
  unavoidable: ["yellow", "▒"],
  failed: ["red", "×"],
};

/** What the marks mean. */
export function legend(paint: Paint): string {
  const meanings: readonly (readonly [Slot, string])[] = [
    ["ok", "served"],
    ["failed", "failed"],
    ["unavoidable", "failed while the file lacked the server's CA"],
  ];
  return meanings.map(([slot, what]) => `${paint(...marks[slot])} ${what}`).join("   ");
}

/** The whole picture at a time, as lines. */
export function picture(
  clients: readonly ClientRecord[],
  steps: readonly TrustStep[],
  elapsedMs: number,
  totalMs: number,
  paint: Paint,
): string[] {
  const count = Math.ceil(totalMs / SLOT_MS);
  const now = Math.min(count, Math.floor(elapsedMs / SLOT_MS) + 1);
  const lines = [
    `${paint("bold", "server's CA".padEnd(NAME_WIDTH))} ${trackOf(steps, count, now, ({ server }) => String(server))}`,
    `${paint("bold", "CAs in the file".padEnd(NAME_WIDTH))} ${trackOf(steps, count, now, ({ file }) => (file.length > 1 ? "+" : String(file[0])))}`,
  ];
  for (const client of clients) {
    const track = slots(client, steps, SLOT_MS, count)
      .slice(0, now)
      .map((slot) => paint(...marks[slot]))
      .join("");
    const name = client.name.padEnd(NAME_WIDTH);
    lines.push(`${client.isReanchor ? paint("bold", name) : name} ${track}`);
  }
  const seconds = Array.from({ length: Math.floor(totalMs / 1_000) + 1 }, (_, second) =>
    String(second % 5 === 0 ? second : "").padEnd(1_000 / SLOT_MS),
  ).join("");
  lines.push(`${" ".repeat(NAME_WIDTH)} ${paint("dim", `${seconds.trimEnd()} s`)}`);
  const last = steps.at(-1);
  lines.push(last === undefined ? "" : `${(last.at / 1_000).toFixed(1)} s  ${last.what}`);
  return lines;
}

/** A character a slot, for what held at its beginning. */
function trackOf(
  steps: readonly TrustStep[],
  count: number,
  now: number,
  mark: (step: TrustStep) => string,
): string {
  return Array.from({ length: Math.min(count, now) }, (_, index) => {
    const step = steps.findLast(({ at }) => at <= index * SLOT_MS) ?? steps[0];
    return step === undefined ? " " : mark(step);
  }).join("");
}

/** What has happened in a second, as a plain line: how many were served, and who was not. */
export function secondLine(clients: readonly ClientRecord[], second: number): string {
  let served = 0;
  const failures: string[] = [];
  for (const { name, requests } of clients) {
    const within = requests.filter(
      ({ endedAt }) => endedAt >= (second - 1) * 1_000 && endedAt < second * 1_000,
    );
    const failed = within.filter(({ error }) => error !== undefined).length;
    served += within.length - failed;
    if (failed > 0) failures.push(`${name} ${failed} of ${within.length}`);
  }
  const time = `${second.toFixed(1).padStart(6)} s  ${String(served).padStart(4)} served`;
  return failures.length === 0 ? time : `${time}; failed: ${failures.join(", ")}`;
}

/** The table at the end. */
export function summary(
  outcomes: readonly Outcome[],
  handshakes: readonly number[],
  paint: Paint,
): string[] {
  const header = [
    "client",
    "requests",
    "failed",
    "unavoidable",
    "time to recover (rotation 1, 2, 3)",
    "handshakes",
    "reloads",
  ];
  const rows = outcomes.map((outcome, index) => [
    outcome.name,
    String(outcome.requests),
    String(outcome.failed),
    String(outcome.unavoidable),
    outcome.recoveries.map(duration).join(", "),
    String(handshakes[index] ?? 0),
    outcome.isReanchor ? String(outcome.reloads) : "-",
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 0 || column === 4
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [
    paint("bold", line(header)),
    ...rows.map((row, index) => {
      const text = line(row);
      const { failed, isReanchor } = outcomes[index] ?? { failed: 0, isReanchor: false };
      return paint(failed > 0 ? "red" : isReanchor ? "green" : "dim", text);
    }),
  ];
}

/** A recovery in words. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return "never";
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** The judgement. */
export function verdictLine({ passed, sentence }: Verdict, paint: Paint): string {
  return passed ? paint("green", `✓ ${sentence}`) : paint("red", `✗ ${sentence}`);
}
