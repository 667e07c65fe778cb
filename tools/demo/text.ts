/**
 * Text for a terminal or a log: colours, the live picture, the summary.
 *
 * @module
 */

import { type ClientSummary, formatOutage, formatRecovery, formatSpan } from "./summary.ts";
import {
  type ClientLane,
  type SlotState,
  type Step,
  type Timeline,
  cutIntoSlots,
  findExcuses,
} from "./timeline.ts";

/** Puts text into a colour, or leaves it. */
export type Paint = (colour: Colour, text: string) => string;

/** The colours in use. */
export type Colour = "green" | "yellow" | "red" | "cyan" | "dim" | "bold";

const codes: Record<Colour, string> = {
  green: "32",
  yellow: "33",
  red: "31",
  cyan: "36",
  dim: "2",
  bold: "1",
};

/** Creates a function that applies colours. */
export function createPaint(hasColour: boolean): Paint {
  return (colour, text) =>
    hasColour && text !== "" ? `\u001B[${codes[colour]}m${text}\u001B[0m` : text;
}

/** The characters for a slot, which can be distinguished without colour. */
const cells: Record<SlotState, readonly [Colour, string]> = {
  ok: ["green", "━"],
  excused: ["yellow", "▒"],
  failed: ["red", "✗"],
  none: ["dim", " "],
};

const LABEL_WIDTH = 18;

/** How the live picture is drawn. */
export interface PictureOptions {
  /** The number of characters that fit in a line. */
  readonly width: number;
  readonly paint: Paint;
  /** How much of the run has passed. */
  readonly nowMs: number;
  /** The latest event. */
  readonly news: string;
}

/** Draws the current state of the run: one line per client, and one column per slot of time. */
export function drawPicture(timeline: Timeline, options: PictureOptions): string[] {
  const { width, paint, nowMs, news } = options;
  const room = Math.max(20, Math.min(width - LABEL_WIDTH - 2, 160));
  const slotMs = Math.max(100, Math.ceil(timeline.durationMs / room / 50) * 50);
  const count = Math.ceil(timeline.durationMs / slotMs);
  // A slot is drawn once it is over.
  const drawn = nowMs >= timeline.durationMs ? count : Math.floor(nowMs / slotMs);
  const seconds = `${(nowMs / 1000).toFixed(1)} s of ${timeline.durationMs / 1000} s`;
  const lines = [`${paint("bold", "CA rotation, live")}  ${paint("dim", seconds)}`, ""];
  for (const where of ["file", "server"] as const) {
    const label = where === "file" ? "CAs in ca.crt" : "the server's CA";
    const own = timeline.steps.filter((step) => step.where === where);
    lines.push(row(label, paint("cyan", drawLane(own, slotMs, drawn))));
  }
  lines.push("");
  for (const client of timeline.clients) {
    const excuses = findExcuses(client, timeline.steps);
    const slots = cutIntoSlots(client.records, excuses, { slotMs, count: drawn });
    const end = client.died === undefined ? "" : paint("red", " ended early");
    const label = client.isReanchor ? paint("bold", pad(client.label)) : pad(client.label);
    lines.push(`${label}${drawSlots(slots, paint)}${end}`);
  }
  lines.push(row("", paint("dim", drawAxis(slotMs, count))), "", drawLegend(paint), "");
  lines.push(truncate(news, width));
  return lines;
}

/** Changes the colour once for each run of identical slots. */
function drawSlots(slots: readonly SlotState[], paint: Paint): string {
  let drawn = "";
  for (let start = 0; start < slots.length;) {
    const state = slots[start] ?? "none";
    let end = start + 1;
    while (end < slots.length && slots[end] === state) end += 1;
    const [colour, cell] = cells[state];
    drawn += paint(colour, cell.repeat(end - start));
    start = end;
  }
  return drawn;
}

function row(label: string, content: string): string {
  return `${pad(label)}${content}`;
}

function pad(label: string): string {
  return label.padEnd(LABEL_WIDTH).slice(0, LABEL_WIDTH);
}

function truncate(text: string, width: number): string {
  return text.length < width ? text : `${text.slice(0, Math.max(0, width - 4))}...`;
}

/** `1-------1+2---2----`: the state over time. */
function drawLane(steps: readonly Step[], slotMs: number, count: number): string {
  let lane = "";
  for (const step of steps) {
    const at = Math.floor(step.beganAt / slotMs);
    lane = lane.padEnd(at, "─").slice(0, at) + step.authorities.join("+");
  }
  return lane.padEnd(count, "─").slice(0, count);
}

function drawAxis(slotMs: number, count: number): string {
  let axis = "";
  const everyS = slotMs * count > 60_000 ? 10 : 5;
  for (let second = 0; second * 1000 < slotMs * count; second += everyS) {
    axis = axis.padEnd(Math.floor((second * 1000) / slotMs)) + `${second} s`;
  }
  return axis;
}

function drawLegend(paint: Paint): string {
  const meanings: readonly (readonly [SlotState, string])[] = [
    ["ok", "answered"],
    ["failed", "failed"],
    ["excused", "failed while ca.crt did not hold the server's CA"],
  ];
  return meanings.map(([state, meaning]) => `${paint(...cells[state])} ${meaning}`).join("   ");
}

/** The summary as a table. */
export function drawSummary(
  clients: readonly ClientLane[],
  summaries: readonly ClientSummary[],
  paint: Paint,
): string[] {
  const header = ["client", "requests", "failed", "no CA yet", "longest outage"];
  const table = [[...header, "recovery*", "longest wait", "handshakes", "CA reloads"]];
  for (const [index, client] of clients.entries()) {
    const summary = summaries[index];
    if (summary === undefined) continue;
    const { requests, failed, excused, handshakes, reloads, reads } = summary;
    table.push([
      client.label,
      String(requests),
      String(failed),
      String(excused),
      formatOutage(summary),
      formatRecovery(summary),
      formatSpan(summary.longestWaitMs),
      String(handshakes),
      reads === undefined ? reloads : `${reloads} in ${reads} reads`,
    ]);
  }
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((cellsOfRow) => cellsOfRow[column]?.length ?? 0)),
  );
  const lines = table.map((cellsOfRow, index) => {
    const padded = cellsOfRow.map((cell, column) => {
      const width = widths?.[column] ?? 0;
      const isText = column === 0 || column === cellsOfRow.length - 1;
      return isText ? cell.padEnd(width) : cell.padStart(width);
    });
    const failures = cellsOfRow[2] ?? "";
    if (index > 0) padded[2] = paint(failures === "0" ? "green" : "red", padded[2] ?? "");
    return padded.join("  ").trimEnd();
  });
  const [first = "", ...rest] = lines;
  const note =
    "* in the third rotation: from the server's CA coming into ca.crt to the next answer";
  return [paint("bold", first), ...rest, paint("dim", note)];
}
