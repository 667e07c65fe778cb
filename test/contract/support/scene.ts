/**
 * What one test needs of a cluster: authorities, servers, clients and clocks, each undone when the test
 * ends.
 *
 * @module
 */

import { inject, onTestFinished } from "vitest";
import type {
  CaSource,
  ConnectOptions,
  KubeClient,
  ReanchorEvent,
  SourceOptions,
} from "../../../src/index.ts";
import { bindConnect } from "../../../src/client/connect.ts";
import type { Runtime } from "../../../src/runtime.ts";
import {
  type Control,
  type ServeOptions,
  type TestServer,
  connectControl,
} from "../../support/api-server.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { type TestCa, createCa } from "../../support/pki.ts";
import {
  type ProjectedFiles,
  type ProjectedVolume,
  createProjectedVolume,
} from "../../support/projected-volume.ts";
import { entry } from "./entry.ts";

export { rejection } from "../../support/rejection.ts";
export { until } from "../../support/until.ts";

/** The process that the servers run in. */
export const control: Control = connectControl(inject("controlUrl"));

/** A server and the authority that vouches for it. */
export interface Cluster {
  readonly ca: TestCa;
  readonly server: TestServer;
}

/**
 * Starts a server, which is closed when the test ends.
 *
 * @param options how it differs from one that anyone may ask
 * @param ca who vouches for it; a new authority unless given
 */
export async function startCluster(
  options: Partial<ServeOptions> = {},
  ca?: TestCa,
): Promise<Cluster> {
  const authority = ca ?? (await createCa());
  const server = await control.serve({ ...(await authority.issue()), ...options });
  onTestFinished(() => server.close());
  return { ca: authority, server };
}

/** Creates a service account's volume, which is removed when the test ends. */
export async function createVolume(files: ProjectedFiles): Promise<ProjectedVolume> {
  const volume = await createProjectedVolume(files);
  onTestFinished(() => volume.remove());
  return volume;
}

/** A client and what it told. */
export interface ObservedClient {
  readonly kube: KubeClient;
  readonly events: ReanchorEvent[];
}

/** A {@linkcode ObservedClient} and the clock that it goes by. */
export interface TimedClient extends ObservedClient {
  readonly clock: ManualClock;
}

/** Connects a client, which is closed when the test ends. */
export async function connectClient(options: ConnectOptions): Promise<ObservedClient> {
  return await observe(entry.runtime, options);
}

/** A cluster, and a client that reads its CA from a file. */
export interface FileCluster extends Cluster, ObservedClient {
  readonly volume: ProjectedVolume;
  readonly source: CaSource;
}

/** How a {@linkcode FileCluster} is set up. */
export interface FileClusterOptions {
  /** Who vouches for the server. */
  readonly ca: TestCa;
  /** What the file has beside the CA, as PEM. */
  readonly others?: string;
  /** A token that the client reads from another file. */
  readonly token?: string;
  /** How the server differs from one that anyone may ask. */
  readonly server?: Partial<ServeOptions>;
  readonly source?: SourceOptions;
  readonly connect?: Omit<ConnectOptions, "config">;
}

/** Starts a server and connects a client that reads the server's CA from a file. */
export async function openFileCluster({
  ca,
  others = "",
  token,
  server: serving,
  source: reloading,
  connect,
}: FileClusterOptions): Promise<FileCluster> {
  const { server } = await startCluster(serving, ca);
  const volume = await createVolume({ ca: ca.pem + others, ...(token && { token }) });
  const source = entry.fileCaSource(volume.caFile, reloading);
  const config = {
    server: server.origin,
    ca: source,
    ...(token && { token: entry.fileTokenSource(volume.tokenFile) }),
  };
  const client = await connectClient({ config, ...connect });
  return { ...client, ca, server, volume, source };
}

/** This lane's runtime, by a clock that stands still until it is advanced. */
export function timedRuntime(clock: ManualClock = new ManualClock()): Runtime {
  return { ...entry.runtime, clock };
}

/** Connects as {@linkcode connectClient} does, by a clock that a test moves. */
export async function connectTimed(
  options: (runtime: Runtime) => ConnectOptions,
): Promise<TimedClient> {
  const clock = new ManualClock();
  const runtime = timedRuntime(clock);
  return { ...(await observe(runtime, options(runtime))), clock };
}

/** Connects on a runtime, and listens. */
export async function observe(runtime: Runtime, options: ConnectOptions): Promise<ObservedClient> {
  const events: ReanchorEvent[] = [];
  const kube = await bindConnect(runtime)({
    onEvent: (event) => void events.push(event),
    ...options,
  });
  onTestFinished(() => kube.close());
  return { kube, events };
}

/** The type of each event, in order. */
export function types(events: readonly ReanchorEvent[]): string[] {
  return events.map((event) => event.type);
}

/**
 * Lets a connection whose response has been read become free: undici opens another for a request that is
 * made in the same turn.
 */
export function connectionIsFree(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 0));
}
