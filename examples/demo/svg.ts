/**
 * The timeline as a picture that stands on its own.
 *
 * @module
 */

import { duration } from "./terminal.ts";
import { type ClientRecord, type Slot, type TrustStep, outcome, slots } from "./timeline.ts";

const SLOT_MS = 125;
const LEFT = 190;
const WIDTH = 1_000;
const RIGHT = 250;
const ROW = 34;
const TOP = 128;

const fills: Readonly<Record<Slot, string>> = {
  idle: "none",
  ok: "#2da44e",
  unavoidable: "#d4a72c",
  failed: "#cf222e",
};
const authorityFills = ["#57606a", "#0969da", "#8250df", "#bf3989", "#bc4c00"];

/** Draws it. */
export function svg(
  clients: readonly ClientRecord[],
  steps: readonly TrustStep[],
  totalMs: number,
): string {
  const plot = WIDTH - LEFT - RIGHT;
  const x = (ms: number): number => LEFT + (Math.min(ms, totalMs) / totalMs) * plot;
  const bottom = TOP + clients.length * ROW;
  const height = bottom + 66;
  const parts: string[] = [
    text(24, 32, "Three rotations of a cluster's CA", { size: 18, weight: 600 }),
    text(24, 54, "The second has no overlap: the server goes over first, the file a second later", {
      size: 12,
      fill: "#57606a",
    }),
    text(LEFT - 12, 85, "server's CA", { anchor: "end", size: 12 }),
    ...spans(steps, totalMs, ({ server }) => [server]).map(([from, until, numbers]) =>
      band(x(from), x(until), 74, 14, numbers),
    ),
    text(LEFT - 12, 105, "CAs in the file", { anchor: "end", size: 12 }),
    ...spans(steps, totalMs, ({ file }) => [...file]).map(([from, until, numbers]) =>
      band(x(from), x(until), 94, 14, numbers),
    ),
    text(WIDTH - RIGHT + 16, 105, "requests", { size: 11, fill: "#57606a" }),
    text(WIDTH - RIGHT + 80, 105, "failed", { size: 11, fill: "#57606a" }),
    text(WIDTH - RIGHT + 128, 105, "recovered in", { size: 11, fill: "#57606a" }),
  ];

  for (const [index, client] of clients.entries()) {
    const y = TOP + index * ROW;
    const weight = client.isReanchor ? 600 : 400;
    parts.push(text(LEFT - 12, y + 16, client.name, { anchor: "end", size: 13, weight }));
    parts.push(rect(LEFT, y, plot, 22, "#eaeef2"));
    for (const [from, until, slot] of runs(slots(client, steps, SLOT_MS, totalMs / SLOT_MS))) {
      parts.push(rect(x(from), y, x(until) - x(from), 22, fills[slot]));
    }
    const { requests, failed, unavoidable, recoveries } = outcome(client, steps);
    const bad = failed > 0;
    const fill = bad ? fills.failed : "#1a7f37";
    parts.push(
      text(WIDTH - RIGHT + 16, y + 16, String(requests), { size: 12 }),
      text(WIDTH - RIGHT + 80, y + 16, String(failed + unavoidable), {
        size: 12,
        fill,
        weight: 600,
      }),
      text(WIDTH - RIGHT + 128, y + 16, recoveries.map(duration).join(", "), { size: 11, fill }),
    );
  }

  for (const [index, { at, server }] of steps.entries()) {
    if (index === 0 || steps[index - 1]?.server === server) continue;
    parts.push(
      `<path d="M${round(x(at))} ${TOP - 14}V${bottom - 6}" stroke="#1f2328" stroke-dasharray="3 3"/>`,
    );
  }
  for (let second = 0; second <= totalMs / 1_000; second += 2) {
    parts.push(
      text(x(second * 1_000), bottom + 10, `${second} s`, {
        anchor: "middle",
        size: 11,
        fill: "#57606a",
      }),
    );
  }
  let at = LEFT;
  for (const [slot, what] of [
    ["ok", "served"],
    ["failed", "failed"],
    ["unavoidable", "failed while the file lacked the server's CA, which no client can help"],
  ] as const) {
    parts.push(rect(at, bottom + 30, 12, 12, fills[slot]));
    parts.push(text(at + 18, bottom + 40, what, { size: 12 }));
    at += 40 + what.length * 6.4;
  }

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="How six clients fared in three rotations of a cluster's CA" font-family="-apple-system,'Segoe UI',Helvetica,Arial,sans-serif">
<rect width="${WIDTH}" height="${height}" rx="8" fill="#ffffff" stroke="#d0d7de"/>
${parts.join("\n")}
</svg>
`;
}

interface TextOptions {
  readonly size: number;
  readonly anchor?: "end" | "middle";
  readonly weight?: number;
  readonly fill?: string;
}

function text(x: number, y: number, content: string, options: TextOptions): string {
  const { size, anchor = "start", weight = 400, fill = "#1f2328" } = options;
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${round(x)}" y="${y}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${fill}">${escaped}</text>`;
}

function rect(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${round(x)}" y="${y}" width="${round(width)}" height="${height}" fill="${fill}"/>`;
}

/** A band in the colours of the authorities that it stands for, one above the other. */
function band(
  from: number,
  until: number,
  y: number,
  height: number,
  numbers: readonly number[],
): string {
  const share = height / numbers.length;
  const bars = numbers.map((number, index) => {
    const fill = authorityFills[number % authorityFills.length] ?? "#57606a";
    return rect(from, y + index * share, until - from, share, fill);
  });
  const label = `<text x="${round(from + 5)}" y="${y + 11}" font-size="10" fill="#ffffff">${numbers.join("+")}</text>`;
  return bars.join("") + label;
}

/** The stretches of time in which the steps give the same. */
function spans(
  steps: readonly TrustStep[],
  totalMs: number,
  pick: (step: TrustStep) => number[],
): [from: number, until: number, numbers: number[]][] {
  const found: [number, number, number[]][] = [];
  for (const [index, step] of steps.entries()) {
    const until = steps[index + 1]?.at ?? totalMs;
    const last = found.at(-1);
    if (last?.[2].join() === pick(step).join()) last[1] = until;
    else found.push([step.at, until, pick(step)]);
  }
  return found;
}

/** The stretches of slots that went alike. */
function runs(all: readonly Slot[]): [from: number, until: number, slot: Slot][] {
  const found: [number, number, Slot][] = [];
  for (const [index, slot] of all.entries()) {
    const last = found.at(-1);
    if (last?.[2] === slot) last[1] = (index + 1) * SLOT_MS;
    else found.push([index * SLOT_MS, (index + 1) * SLOT_MS, slot]);
  }
  return found.filter(([, , slot]) => slot !== "idle");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
