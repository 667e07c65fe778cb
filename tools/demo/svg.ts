/**
 * The run as a standalone SVG picture with its own background, for light and dark pages.
 *
 * @module
 */

import { type ClientSummary, formatRecovery, formatSpan } from "./summary.ts";
import {
  type ClientLane,
  type Outcome,
  type Timeline,
  findAbsences,
  findExcuses,
  findStretches,
} from "./timeline.ts";

const WIDTH = 1256;
const LEFT = 238;
const CHART_WIDTH = 570;
const CHART_RIGHT = LEFT + CHART_WIDTH;
const LANES_TOP = 88;
const LANE_HEIGHT = 19;
/** Two for the file, which may contain two CAs, a gap, and one for the server. */
const LANES_HEIGHT = 3 * LANE_HEIGHT + 8;
const ROWS_TOP = LANES_TOP + LANES_HEIGHT + 58;
const ROW_HEIGHT = 44;
/** Between reanchor and the others. */
const GROUP_GAP = 14;

/** The heights differ too, so that the picture is readable without colours. */
const barHeights: Record<Outcome, number> = {
  ok: 10,
  excused: 18,
  failed: 26,
};

/** By CA, numbered from 1. */
const authorityColours = ["#0969da", "#8250df", "#1b7c83", "#bc4c00"];

const style = `
  text { font-family: -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", Helvetica, Arial, sans-serif; font-size: 14px; fill: #1f2328 }
  .title { font-size: 21px; font-weight: 600 }
  .strong { font-weight: 600 }
  .quiet { fill: #59636e; font-size: 12.5px }
  .card { fill: #ffffff; stroke: #d1d9e0 }
  .own { fill: #f3f6fa }
  .rule { stroke: #d1d9e0 }
  .mark { stroke: #59636e; stroke-dasharray: 3 3 }
  .ok { fill: #2da44e }
  .failed { fill: #cf222e }
  .excused { fill: #d4a017 }
  .bad { fill: #cf222e; font-weight: 600 }
  .good { fill: #1a7f37; font-weight: 600 }
  .lane { fill: #ffffff; font-size: 12px; font-weight: 600 }
  .end { text-anchor: end }
  .middle { text-anchor: middle }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .quiet { fill: #9198a1 }
    .card { fill: #0d1117; stroke: #3d444d }
    .own { fill: #161b22 }
    .rule { stroke: #3d444d }
    .mark { stroke: #9198a1 }
    .failed { fill: #f85149 }
    .bad { fill: #f85149 }
    .good { fill: #3fb950 }
    .lane { fill: #ffffff }
  }`;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The horizontal extent and the vertical position of a bar. */
interface Bar {
  readonly from: number;
  readonly to: number;
  readonly y: number;
}

/** What is needed to draw a client's row. */
interface Row {
  readonly client: ClientLane;
  readonly summary: ClientSummary | undefined;
  readonly timeline: Timeline;
  readonly y: number;
  /** The horizontal position of a moment. */
  readonly x: (ms: number) => number;
}

/** The columns of the summary, and their right edges. */
const columns: readonly { x: number; title: readonly [string, string] }[] = [
  { x: CHART_RIGHT + 76, title: ["", "requests"] },
  { x: CHART_RIGHT + 130, title: ["", "failed"] },
  { x: CHART_RIGHT + 200, title: ["longest", "outage"] },
  { x: CHART_RIGHT + 270, title: ["recovery", "after 3"] },
  { x: CHART_RIGHT + 350, title: ["TLS", "handshakes"] },
  { x: CHART_RIGHT + 424, title: ["CA", "reloads"] },
];

/**
 * Draws a run.
 *
 * @param timeline the run
 * @param summaries the numbers of each client, in the same order
 * @returns the SVG document
 */
export function drawSvg(timeline: Timeline, summaries: readonly ClientSummary[]): string {
  const { clients, durationMs } = timeline;
  const groupAt = clients.findIndex(({ isReanchor }) => isReanchor);
  const rowY = (index: number): number =>
    ROWS_TOP + index * ROW_HEIGHT + (groupAt > 0 && index >= groupAt ? GROUP_GAP : 0);
  const bottom = rowY(clients.length);
  const height = bottom + 86;
  const x = (ms: number): number => round(LEFT + (ms / durationMs) * CHART_WIDTH);

  const parts = [
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text({ x: 24, y: 38 }, "Three rotations of a cluster's CA, live", "title"),
    text({ x: 24, y: 61 }, subtitle(timeline), "quiet"),
    drawOwnRows(groupAt, rowY, bottom),
    ...drawRotations(timeline, x, bottom),
    ...drawLanes(timeline, x),
    ...columns.flatMap(({ x: right, title }) =>
      title.map((line, index) =>
        text({ x: right, y: ROWS_TOP - 30 + index * 16 }, line, "quiet end"),
      ),
    ),
  ];
  for (const [index, client] of clients.entries()) {
    parts.push(...drawRow({ client, summary: summaries[index], timeline, y: rowY(index), x }));
  }
  parts.push(...drawAxis(durationMs, x, bottom), ...drawLegend(height - 20));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">Three rotations of a cluster's CA, live</title>`,
    `<desc id="description">${escape(describe(clients, summaries))}</desc>`,
    `<style>${style}\n</style>`,
    ...parts.filter((part) => part !== ""),
    "</svg>",
    "",
  ].join("\n");
}

function subtitle({ clients }: Timeline): string {
  return `${clients.length} clients side by side, each a process of its own with its defaults. The servers close their connections whenever their certificate changes.`;
}

function drawOwnRows(groupAt: number, rowY: (index: number) => number, bottom: number): string {
  if (groupAt < 0) return "";
  const top = rowY(groupAt) - 4;
  return `<rect class="own" x="12" y="${top}" width="${WIDTH - 24}" height="${bottom - top + 4}" rx="6"/>`;
}

/** A vertical line at each change of the server's certificate, and the name of each rotation. */
function drawRotations({ steps }: Timeline, x: (ms: number) => number, bottom: number): string[] {
  const absences = findAbsences(steps);
  return steps
    .filter(({ where, rotation }) => where === "server" && rotation > 0)
    .flatMap(({ beganAt, rotation }) => {
      const hasOverlap = !absences.some(({ from }) => from === beganAt);
      const at = x(beganAt);
      const kind = hasOverlap ? "with overlap" : "without overlap";
      return [
        // The line is interrupted at the name.
        drawMark(at, LANES_TOP + LANES_HEIGHT, ROWS_TOP - 43),
        text({ x: at, y: ROWS_TOP - 30 }, `rotation ${rotation}`, "strong middle"),
        text({ x: at, y: ROWS_TOP - 14 }, kind, "quiet middle"),
        drawMark(at, ROWS_TOP - 7, bottom),
      ];
    });
}

function drawMark(x: number, from: number, to: number): string {
  return `<line class="mark" x1="${x}" y1="${from}" x2="${x}" y2="${to}"/>`;
}

/** The content of the file and the server's certificate over time: a bar for each CA. */
function drawLanes({ steps, durationMs }: Timeline, x: (ms: number) => number): string[] {
  const parts: string[] = [];
  const serverTop = LANES_TOP + 2 * LANE_HEIGHT + 8;
  for (const where of ["file", "server"] as const) {
    const own = steps.filter((step) => step.where === where);
    for (const authority of new Set(own.flatMap(({ authorities }) => authorities))) {
      const first = own.find(({ authorities }) => authorities.includes(authority));
      const last = own.findLastIndex(({ authorities }) => authorities.includes(authority));
      const from = x(first?.endedAt ?? 0);
      const to = x(own[last + 1]?.endedAt ?? durationMs);
      // The file's CAs alternate between two lines, so that an overlap is visible.
      const y = where === "server" ? serverTop : LANES_TOP + ((authority - 1) % 2) * LANE_HEIGHT;
      parts.push(...drawAuthority(authority, { from, to, y }));
    }
  }
  return [
    text({ x: LEFT - 14, y: LANES_TOP + LANE_HEIGHT + 4 }, "CAs in the pod's ca.crt", "quiet end"),
    text({ x: LEFT - 14, y: serverTop + 13 }, "CA of the server's certificate", "quiet end"),
    ...parts,
  ];
}

function drawAuthority(authority: number, { from, to, y }: Bar): string[] {
  const fill = authorityColours[(authority - 1) % authorityColours.length];
  const width = round(Math.max(to - from - 1.5, 1));
  return [
    `<rect fill="${fill}" x="${from}" y="${y}" width="${width}" height="${LANE_HEIGHT - 2}" rx="3"/>`,
    text({ x: round((from + to) / 2), y: y + 13 }, `CA ${authority}`, "lane middle"),
  ];
}

function drawRow({ client, summary, timeline, y, x }: Row): string[] {
  const middle = y + ROW_HEIGHT / 2 - 2;
  const parts = [
    text({ x: 24, y: middle - 1 }, client.label, "strong"),
    text({ x: 24, y: middle + 15 }, client.detail, "quiet"),
    ...drawBars(client, timeline, { middle, x }),
  ];
  if (client.died !== undefined) {
    const last = client.records.at(-1)?.endedAt ?? 0;
    parts.push(text({ x: x(last) + 6, y: middle + 5 }, "the process ended early", "bad"));
  }
  if (summary === undefined) return parts;
  const { requests, failed, excused, longestOutageMs, isBack } = summary;
  const recovery = formatRecovery(summary);
  const cells: [string, string][] = [
    [String(requests), ""],
    [String(failed), failed === 0 ? "good" : "bad"],
    [longestOutageMs === 0 ? "none" : formatSpan(longestOutageMs), isBack ? "" : "bad"],
    [recovery, recovery === "never" ? "bad" : ""],
    [String(summary.handshakes), ""],
    [summary.reloads, ""],
  ];
  for (const [index, [value, kind]] of cells.entries()) {
    parts.push(text({ x: columns[index]?.x ?? 0, y: middle + 5 }, value, `${kind} end`.trim()));
  }
  if (excused > 0) {
    parts.push(text({ x: columns[1]?.x ?? 0, y: middle + 19 }, `+ ${excused}`, "quiet end"));
  }
  return parts;
}

/** One bar for each stretch of requests with the same result. */
function drawBars(
  client: ClientLane,
  { steps, durationMs }: Timeline,
  { middle, x }: Pick<Row, "x"> & { readonly middle: number },
): string[] {
  const excuses = findExcuses(client, steps);
  return findStretches(client.records, excuses).map(({ from, to, outcome }) => {
    const height = barHeights[outcome];
    const left = x(from);
    // A single failure is wide enough to be visible.
    const width = round(Math.max(x(Math.min(to, durationMs)) - left, outcome === "ok" ? 0 : 2));
    return `<rect class="${outcome}" x="${left}" y="${middle - height / 2}" width="${width}" height="${height}"/>`;
  });
}

function drawAxis(durationMs: number, x: (ms: number) => number, bottom: number): string[] {
  const y = bottom + 10;
  const parts = [`<line class="rule" x1="${LEFT}" y1="${y}" x2="${CHART_RIGHT}" y2="${y}"/>`];
  for (let second = 0; second * 1000 <= durationMs; second += 1) {
    const at = x(second * 1000);
    const isNamed = second % 5 === 0;
    parts.push(
      `<line class="rule" x1="${at}" y1="${y}" x2="${at}" y2="${y + (isNamed ? 7 : 4)}"/>`,
    );
    if (isNamed) parts.push(text({ x: at, y: y + 22 }, `${second} s`, "quiet middle"));
  }
  return parts;
}

function drawLegend(y: number): string[] {
  const meanings: readonly [Outcome, number, string][] = [
    ["ok", 24, "answered"],
    ["failed", 134, "failed"],
    ["excused", 224, "failed while ca.crt did not hold the server's CA (counted after the +)"],
  ];
  const parts = meanings.flatMap(([state, x, meaning]) => {
    const height = barHeights[state];
    return [
      `<rect class="${state}" x="${x}" y="${y - 4 - height / 2}" width="18" height="${height}"/>`,
      text({ x: x + 26, y }, meaning, "quiet"),
    ];
  });
  const recovery = "recovery after 3: from the server's CA coming into ca.crt to the next answer";
  return [...parts, text({ x: WIDTH - 24, y }, recovery, "quiet end")];
}

function describe(clients: readonly ClientLane[], summaries: readonly ClientSummary[]): string {
  const sentences = clients.map(({ label }, index) => {
    const { requests = 0, failed = 0, excused = 0 } = summaries[index] ?? {};
    const more = excused > 0 ? `, and ${excused} while ca.crt did not hold the server's CA` : "";
    return `${label}: ${requests} requests, ${failed} failed${more}.`;
  });
  return sentences.join(" ");
}

function text({ x, y }: Point, content: string, kind = ""): string {
  if (content === "") return "";
  const named = kind === "" ? "" : ` class="${kind}"`;
  return `<text${named} x="${x}" y="${y}">${escape(content)}</text>`;
}

function escape(content: string): string {
  return content
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
