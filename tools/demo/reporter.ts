/**
 * Shows a run as it happens: redrawn in place on a terminal, and as plain lines otherwise.
 *
 * @module
 */

import type { WriteStream } from "node:tty";
import { type Paint, drawPicture } from "./text.ts";
import { type Timeline, findExcuses, judgeRequest } from "./timeline.ts";

const FRAME_MS = 200;

/** Shows a run. */
export interface Reporter {
  /** Starts to show the run. */
  start(timeline: Timeline, now: () => number): void;
  /** Reports an event that deserves a line. */
  news(text: string): void;
  /** Shows the final state, and stops. */
  end(): void;
}

/**
 * Makes the reporter that fits an output.
 *
 * @param output the output
 * @param paint applies colours
 */
export function createReporter(output: WriteStream, paint: Paint): Reporter {
  return output.isTTY ? createLiveReporter(output, paint) : createPlainReporter(output);
}

function createLiveReporter(output: WriteStream, paint: Paint): Reporter {
  let timer: ReturnType<typeof setInterval> | undefined;
  let height = 0;
  let latest = "";
  let draw = (): void => {};
  return {
    start(timeline, now) {
      output.write("\u001B[?25l"); // Hides the cursor.
      draw = () => {
        const width = output.columns > 0 ? output.columns : 80;
        const nowMs = Math.min(now(), timeline.durationMs);
        const lines = drawPicture(timeline, { width, paint, nowMs, news: latest });
        const up = height === 0 ? "" : `\u001B[${height}A`;
        output.write(`${up}${lines.map((line) => `\r${line}\u001B[K\n`).join("")}\u001B[J`);
        height = lines.length;
      };
      draw();
      timer = setInterval(draw, FRAME_MS);
    },
    news(text) {
      latest = text;
      if (timer === undefined) output.write(`${text}\n`);
    },
    end() {
      if (timer === undefined) return;
      clearInterval(timer);
      timer = undefined;
      draw();
      output.write("\u001B[?25h"); // Shows it again.
    },
  };
}

const SECOND_MS = 1000;
const CELL_WIDTH = 18;

function createPlainReporter(output: WriteStream): Reporter {
  let timer: ReturnType<typeof setInterval> | undefined;
  let seconds = 0;
  let tell = (_upTo: number): void => {};
  let tellRest = (): void => {};
  return {
    start(timeline, now) {
      const labels = timeline.clients.map(({ label }) => label.padEnd(CELL_WIDTH));
      output.write(`\n   time  ${labels.join("")}`.trimEnd() + "\n");
      tell = (upTo) => {
        for (; seconds + 1 <= upTo; seconds += 1) {
          output.write(`${formatSecond(timeline, seconds)}\n`);
        }
      };
      // A little after the second, so that requests that began in it have ended.
      timer = setInterval(() => tell(Math.floor((now() - 300) / SECOND_MS)), 100);
      tellRest = () => tell(Math.ceil(Math.min(now(), timeline.durationMs) / SECOND_MS));
    },
    news: (text) => void output.write(`${text}\n`),
    end() {
      if (timer === undefined) return;
      clearInterval(timer);
      timer = undefined;
      tellRest();
    },
  };
}

/** `  3-4 s  25 ok             FAILED 24 of 24`: what became of the requests that began in a second. */
function formatSecond({ clients, steps }: Timeline, second: number): string {
  const cells = clients.map((client) => {
    const { records, died } = client;
    const excuses = findExcuses(client, steps);
    const outcomes = records
      .filter(({ startedAt }) => Math.floor(startedAt / SECOND_MS) === second)
      .map((record) => judgeRequest(record, excuses));
    const total = outcomes.length;
    const failed = outcomes.filter((outcome) => outcome === "failed").length;
    const excused = outcomes.filter((outcome) => outcome === "excused").length;
    if (total === 0) return died === undefined ? "-" : "ended early";
    if (failed > 0) return `FAILED ${failed + excused} of ${total}`;
    return excused > 0 ? `no CA yet ${excused}/${total}` : `${total} ok`;
  });
  const padded = cells.map((cell) => cell.padEnd(CELL_WIDTH)).join("");
  return `${`${second}-${second + 1}`.padStart(5)} s  ${padded}`.trimEnd();
}
