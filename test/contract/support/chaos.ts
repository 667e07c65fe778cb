/**
 * All that can happen to a server and to those who ask it, in an order that a seed decides.
 *
 * @module
 */

import type { ClusterConfig } from "../../../src/index.ts";
import type { TestServer } from "../../support/api-server.ts";
import { type Fault, seededRandom } from "../../../src/testing/model/faults.ts";
import { type TestCa, createCa } from "../../support/pki.ts";
import { entry } from "./entry.ts";
import { createPairFiles } from "./pair-files.ts";
import { createVolume, startCluster } from "./scene.ts";

/** How a chaos is made. */
export interface ChaosOptions {
  readonly seed: number;
  readonly http2: boolean;
  /** Whether a watch may have to begin anew: by a 410, by silence, or by an error that comes twice. */
  readonly expires: boolean;
  /** Whether the server is one of those that know no streaming lists. */
  readonly isOld: boolean;
}

/** See the module. */
export interface Chaos {
  readonly server: TestServer;
  /** A client's config that goes by files, and proves itself by a token. */
  readonly byToken: ClusterConfig;
  /** The same by a client certificate. */
  readonly byCert: ClusterConfig;
  /** How often each thing has happened. */
  readonly acts: Readonly<Record<string, number>>;
  /** Lets requests meet faults from now on. */
  begin(): Promise<void>;
  /** Does the next thing. */
  act(): Promise<void>;
  /** Lets no request meet a fault any more. */
  end(): Promise<void>;
}

/** What a watch goes on after from where it was. */
const PASSING: readonly Fault[] = [
  { status: 503 },
  { status: 429, retryAfterSeconds: 1 },
  { isLost: true },
  { isAnswerLost: true },
  { isEmpty: true },
  { cutAfterBytes: { upTo: 5_000 } },
  { cutAfterBytes: { upTo: 5_000 }, chunkBytes: { upTo: 50 } },
  { endAfterBytes: { upTo: 5_000 } },
];
/** What it may list again after: silence, or an error that comes twice. */
const LASTING: readonly Fault[] = [
  { status: 500 },
  { status: 403 },
  { silentAfterBytes: { upTo: 5_000 } },
];
const NONSENSE: Fault = { firstLine: '{"type":"ADDED"' };

/** Starts a server, and makes the files that its clients go by. */
export async function startChaos({ seed, http2, expires, isOld }: ChaosOptions): Promise<Chaos> {
  const random = seededRandom(seed);
  const flip = (): boolean => random() < 0.5;
  let clients = await createCa();
  const fakeApi = { streamingLists: !isOld, expiredAsStatus: flip() };
  const cluster = await startCluster({ fakeApi, http2, clientCa: clients.pem, token: "token-0" });
  const { server } = cluster;
  let { ca } = cluster;
  const volume = await createVolume({ ca: ca.pem, token: "token-0" });
  const pair = await createPairFiles(await clients.issue({ client: true }));
  const acts: Record<string, number> = {};

  async function lose(): Promise<void> {
    if (flip()) await server.dropConnections();
  }

  async function replaceCa(next: TestCa): Promise<void> {
    await server.swap({ ...(await next.issue()), forgetSessions: true });
    await lose();
    await volume.write({ ca: next.pem });
    ca = next;
  }

  const possible: Record<string, () => Promise<unknown>> = {
    async caRotation() {
      const next = await createCa();
      await volume.write({ ca: ca.pem + next.pem });
      await replaceCa(next);
    },
    caReplacement: async () => await replaceCa(await createCa()),
    async tokenRotation() {
      const token = `token-${random()}`;
      const inTime = flip();
      if (inTime) await volume.write({ token });
      await server.swap({ token });
      await lose();
      await volume.write({ token });
    },
    async certRotation() {
      clients = await createCa();
      await pair.write(await clients.issue({ client: true }));
      await server.swap({ clientCa: clients.pem, forgetSessions: true });
      await lose();
    },
    async restart() {
      await server.stop();
      await server.restart();
    },
    cut: async () => await server.dropConnections(),
    async drain() {
      await server.drainConnections();
      await server.fake.endWatches();
    },
    watchEnd: async () => await server.fake.endWatches("pods"),
    bookmark: async () => await server.fake.bookmark(),
    ...(expires && {
      async compaction() {
        await server.fake.compact();
        await lose();
      },
      expiry: async () => await server.fake.expireWatches(),
    }),
  };
  const names = Object.keys(possible);

  const trust = { server: server.origin, ca: entry.fileCaSource(volume.caFile) };
  return {
    server,
    byToken: { ...trust, token: entry.fileTokenSource(volume.tokenFile) },
    byCert: { ...trust, clientCert: entry.fileClientCertSource(pair.paths) },
    acts,
    async begin() {
      const of = expires ? [...PASSING, ...LASTING, NONSENSE] : PASSING;
      await server.fake.faults.sometimes({ verb: "watch" }, { seed, rate: 0.4, of });
      await server.fake.faults.sometimes(
        { verb: "list" },
        { seed, rate: 0.3, of: [...PASSING, ...LASTING] },
      );
    },
    async act() {
      const name = names[Math.floor(random() * names.length)] ?? "cut";
      acts[name] = (acts[name] ?? 0) + 1;
      await possible[name]?.();
    },
    end: async () => await server.fake.faults.clear(),
  };
}
