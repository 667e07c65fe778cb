/**
 * Sends a request with a token to each of several servers, and prints as JSON how each one ended and what the
 * client says of itself.
 *
 * Arguments: what is to be done, as JSON of {@linkcode Task}.
 */

import process from "node:process";
import type { ReanchorEvent } from "../../../../src/index.ts";
import { entry } from "../entry.ts";
import type { Outcome, Report, Task } from "../hostile.ts";

const { ca, targets, settings, config }: Task = JSON.parse(process.argv[2] ?? "");
const trust = ca === undefined ? {} : { ca: entry.staticCaSource(ca) };
const outcomes: Record<string, Outcome> = {};
const events: ReanchorEvent[] = [];
let insecure = false;

for (const { name, origin, proxy } of targets) {
  try {
    const kube = await entry.connect({
      ...settings,
      config: {
        server: origin,
        ...trust,
        token: entry.staticTokenSource("sesame"),
        proxy: proxy ?? false,
        ...config,
      },
      timeoutMs: 20_000,
      onEvent: (event) => void events.push(event),
    });
    insecure ||= kube.status().insecure;
    try {
      await kube.get("/version");
    } finally {
      await kube.close();
    }
    outcomes[name] = "trusted";
  } catch (error) {
    outcomes[name] = outcomeOf(error);
  }
}

const fetch = entry.createFetch({ ...trust, ...settings });
const report: Report = {
  outcomes,
  insecure,
  fetchInsecure: fetch.status().insecure,
  insecureEvents: events.filter(({ type }) => type === "insecure").length,
};
await fetch.close();
console.log(JSON.stringify(report));

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof Error)) return String(error);
  return "reason" in error ? String(error.reason) : `${error.name}: ${error.message}`;
}
