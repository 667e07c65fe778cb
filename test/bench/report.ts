/**
 * The figures as text: a table for a terminal, one for a README, JSON.
 *
 * @module
 */

import { type Figure, type Goal, type Unit, type Verdict, judge } from "./figures.ts";

/** What was measured, and on what. */
export interface Report {
  /** The machine and the runtimes, in words. */
  readonly machine: string;
  readonly isQuick: boolean;
  readonly subjects: readonly { readonly name: string; readonly figures: readonly Figure[] }[];
  /** The subjects that were left out, each with its reason. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
}

const digits: Record<Unit, number> = { times: 2, ns: 0, ms: 1, MB: 1, kB: 2, "": 0 };

/** A number with its unit. */
function formatValue(value: number, unit: Unit): string {
  const number = value.toFixed(digits[unit]);
  return unit === "" ? number : `${number} ${unit}`;
}

/** A goal in words. */
function formatGoal(goal: Goal | undefined, unit: Unit): string {
  if (goal === undefined) return "none";
  // As it was set, without trailing zeros.
  const number = String(Number(goal.value.toFixed(digits[unit])));
  return `${goal.kind} ${number}${unit === "" ? "" : ` ${unit}`}`;
}

/** Puts a verdict into a colour, or leaves it. */
export type PaintVerdict = (verdict: Verdict, text: string) => string;

/** The table for a terminal. */
export function drawTable(report: Report, paint: PaintVerdict): string {
  const { machine, subjects } = report;
  const rows = subjects.flatMap(({ figures }) => figures.map(cellsOf));
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const lines = subjects.flatMap(({ name, figures }) => [
    `\n${name}`,
    ...figures.map((figure) => {
      const [title, value, goal] = cellsOf(figure).map((cell, column) =>
        column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      );
      const verdict = judge(figure);
      const judged = paint(verdict, verdict.padEnd(8));
      return `  ${title}  ${value}  ${goal}  ${judged}  ${figure.detail}`.trimEnd();
    }),
  ]);
  const missed = subjects.flatMap(({ figures }) => figures).filter((it) => judge(it) === "missed");
  const end = summarise(missed.length);
  return [machine, ...notesOf(report), ...lines, "", end, ""].join("\n");
}

/** The table for a README. */
export function drawMarkdown(report: Report): string {
  const { machine, subjects } = report;
  const rows = subjects.flatMap(({ figures }) =>
    figures.map((figure) => {
      const [title = "", value = "", goal = ""] = cellsOf(figure).map((cell) =>
        cell.replaceAll("|", String.raw`\|`),
      );
      return `| ${title} | ${value} | ${goal}${judge(figure) === "missed" ? ", missed" : ""} |`;
    }),
  );
  const head = ["| figure | measured | goal |", "|---|---|---|"];
  return [...head, ...rows, "", machine, ...notesOf(report), ""].join("\n");
}

/** The figures for a program. */
export function toJson({ machine, isQuick, subjects, leftOut }: Report): string {
  const judged = subjects.map(({ name, figures }) => ({
    name,
    figures: figures.map((figure) => ({ ...figure, verdict: judge(figure) })),
  }));
  return `${JSON.stringify({ machine, isQuick, subjects: judged, leftOut }, undefined, 2)}\n`;
}

function cellsOf({ name, value, unit, goal }: Figure): string[] {
  return [name, formatValue(value, unit), formatGoal(goal, unit)];
}

function notesOf({ isQuick, leftOut }: Report): string[] {
  return [
    ...(isQuick ? ["Few and short rounds (--quick): read them as a smoke test."] : []),
    ...leftOut.map(({ name, reason }) => `Left out: ${name}. ${reason}.`),
  ];
}

function summarise(missed: number): string {
  if (missed === 0) return "Every goal was met.";
  return missed === 1 ? "One goal was missed." : `${missed} goals were missed.`;
}
