/**
 * HTTP/2 against HTTP/1.1 on Node, by undici alone: why reanchor speaks HTTP/1.1 there.
 *
 * @module
 */

import type { BenchContext, Figure } from "./figures.ts";
import { type Program, startProgram } from "./program.ts";
import type { Protocol, ProtocolArgument } from "./programs/protocols.ts";
import type { Round, RoundResult } from "./programs/rounds.ts";
import { openStage } from "./stage.ts";
import { alternate, median, ratio } from "./statistics.ts";

const protocols = ["HTTP/1.1", "HTTP/2"] as const;

/** Compares them on a server that speaks both. */
export async function measureProtocols({ dist, say, isQuick }: BenchContext): Promise<Figure[]> {
  await using stage = await openStage(dist, "P-256", { http2: true });
  const figures: Figure[] = [];
  for (const [how, atOnce] of [
    ["sequential", 1],
    ["32 at once", 32],
  ] as const) {
    say(`HTTP/2 against HTTP/1.1 on Node, ${how}`);
    const round: Round = { durationMs: isQuick ? 300 : 1_500, atOnce };
    await using programs = new Programs(stage.place);
    const sockets: Record<Protocol, number> = { "HTTP/1.1": 0, "HTTP/2": 0 };
    const results = await alternate(protocols, isQuick ? 3 : 7, async (protocol) => {
      await stage.counts();
      const result = await programs.of(protocol).ask<RoundResult>("round", round);
      sockets[protocol] += (await stage.counts()).handshakes;
      return result;
    });
    const rates = (protocol: Protocol): number[] =>
      results[protocol].map(({ requests, ms }) => (requests / ms) * 1_000);
    const cpuUs = (protocol: Protocol): string =>
      median(results[protocol].map((it) => it.cpuUs / it.requests)).toFixed(0);
    const { median: times } = ratio(rates("HTTP/2"), rates("HTTP/1.1"));
    figures.push({
      name: `HTTP/2 against HTTP/1.1, undici request on Node, ${how}`,
      value: times,
      unit: "times",
      goal: undefined,
      detail: [
        `${median(rates("HTTP/2")).toFixed(0)}/s against ${median(rates("HTTP/1.1")).toFixed(0)}/s`,
        `CPU ${cpuUs("HTTP/2")} µs against ${cpuUs("HTTP/1.1")} µs a request`,
        `${sockets["HTTP/2"]} connections against ${sockets["HTTP/1.1"]}`,
      ].join("; "),
    });
  }
  return figures;
}

class Programs implements AsyncDisposable {
  readonly #programs: Record<Protocol, Program>;

  constructor(place: ProtocolArgument["place"]) {
    const start = (protocol: Protocol): Program => {
      const argument: ProtocolArgument = { protocol, place };
      return startProgram("programs/protocols.ts", { argument });
    };
    this.#programs = { "HTTP/1.1": start("HTTP/1.1"), "HTTP/2": start("HTTP/2") };
  }

  of(protocol: Protocol): Program {
    return this.#programs[protocol];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(protocols.map((protocol) => this.of(protocol)[Symbol.asyncDispose]()));
  }
}
