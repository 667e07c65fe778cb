/**
 * The verbs that only pods have.
 *
 * @module
 */

import type { KubeObject } from "../api/object.ts";
import { ObjectTarget } from "../api/object-target.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import { type ResourceDeleteOptions, deleteNames, deletionCall } from "../api/verbs.ts";
import type { ExecResult } from "../api/exec-error.ts";
import { checkKnown } from "../options.ts";
import type {
  CopyFromOptions,
  CopyToOptions,
  ReadFileOptions,
  WriteFileOptions,
} from "../pods/copy.ts";
import type { AttachOptions, ExecOptions, ExecTextOptions } from "../pods/exec.ts";
import { type LogLinesOptions, type LogTextOptions, logLines, readLog } from "../pods/logs.ts";
import type { PortForwardOptions, PortTunnel } from "../pods/port-forward.ts";
import type { RemoteCommand } from "../pods/remote-command.ts";
import {
  type CreatedSubresource,
  type PodBinding,
  type Subresource,
  type WithStatus,
  bindCreated,
  bindSubresource,
  withStatus,
} from "./subresource.ts";
import type { PodUsage, TopOptions } from "./usage.ts";

/** The verbs that only pods have. */
export interface PodVerbs<T extends KubeObject> extends WithStatus<T> {
  /**
   * Changes the CPU and memory of running containers, without a restart where their `resizePolicy` allows that.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function enlarge(kube: KubeClient, name: string): Promise<void> {
   *   const containers = [{ name: "main", resources: { requests: { cpu: "500m" } } }];
   *   await kube.resource(Pod).resize.patch(name, { spec: { containers } }, { type: "strategic" });
   * }
   * console.assert(typeof enlarge === "function");
   * ```
   */
  readonly resize: Subresource<T>;
  /** Adds containers to a running pod, as `kubectl debug` does, by `spec.ephemeralContainers`. */
  readonly ephemeralcontainers: Subresource<T>;
  /** Assigns pods to nodes, as a scheduler does. */
  readonly binding: CreatedSubresource<PodBinding>;
  /**
   * Returns what each pod uses now, as `kubectl top pods --containers` does. The cluster needs metrics-server.
   *
   * @throws {ApiError} with status 404 if the cluster has no metrics API.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function largest(kube: KubeClient): Promise<string | undefined> {
   *   const pods = await kube.resource(Pod, { namespace: "*" }).top();
   *   return pods.toSorted((a, b) => b.memoryBytes - a.memoryBytes)[0]?.name;
   * }
   * console.assert(typeof largest === "function");
   * ```
   */
  top(options?: TopOptions): Promise<PodUsage[]>;
  /**
   * Evicts a pod: deletes it if its disruption budgets allow that, as `kubectl drain` does.
   *
   * @throws {ApiError} with status 429 if a budget does not allow it now.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function evict(kube: KubeClient, name: string): Promise<void> {
   *   await kube.resource(Pod).evict(name, { gracePeriodSeconds: 30 });
   * }
   * console.assert(typeof evict === "function");
   * ```
   */
  evict(name: string, options?: ResourceDeleteOptions): Promise<void>;
  /**
   * Returns the log of a container line by line, and with `follow` the lines that are written later.
   *
   * @throws {ApiError} if the API server rejects it, for example since the container has not started.
   * @throws {TimeoutError} if no container started in time (`waitForStart`).
   * @throws {RangeError} if a line is longer than 16 MiB.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function print(kube: KubeClient, name: string): Promise<void> {
   *   for await (const line of kube.resource(Pod).logs(name, { follow: true })) console.log(line);
   * }
   * console.assert(typeof print === "function");
   * ```
   */
  logs(name: string, options?: LogLinesOptions): AsyncIterableIterator<string>;
  /** Returns the log of a container as text. Throws as {@link PodVerbs.logs}. */
  logText(name: string, options?: LogTextOptions): Promise<string>;
  /**
   * Runs a command in a container. Resolves once the server has accepted the connection.
   *
   * The outputs have to be read, or left out by `stdout: false` and `stderr: false`: a reader that is slow slows the
   * command down.
   *
   * @param command The program and its arguments. No shell is in between.
   * @throws {ApiError} if the server rejects it. It takes the verbs `get` and `create` on `pods/exec`.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function dump(kube: KubeClient, into: WritableStream<Uint8Array>): Promise<void> {
   *   const run = await kube.resource(Pod).exec("db-0", ["pg_dump", "shop"], { stderr: false });
   *   await run.stdout.pipeTo(into);
   *   const { code } = await run.exit;
   *   if (code !== 0) throw new Error(`pg_dump failed with code ${code}`);
   * }
   * console.assert(typeof dump === "function");
   * ```
   */
  exec(name: string, command: readonly string[], options?: ExecOptions): Promise<RemoteCommand>;
  /**
   * Runs a command in a container to its end, and returns what it wrote, as text.
   *
   * @throws {ExecError} if its exit code is not 0 and `check` is set. Beside that as {@link PodVerbs.exec}, and
   * {@link ConnectionError} if the connection ended without an exit code.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function nodeVersion(kube: KubeClient, pod: string): Promise<string> {
   *   const { stdout } = await kube.resource(Pod).execText(pod, ["node", "--version"], { check: true });
   *   return stdout.trim();
   * }
   * console.assert(typeof nodeVersion === "function");
   * ```
   */
  execText(
    name: string,
    command: readonly string[],
    options?: ExecTextOptions,
  ): Promise<ExecResult>;
  /**
   * Attaches to the process that a container runs. Throws as {@link PodVerbs.exec}; the subresource is
   * `pods/attach`.
   */
  attach(name: string, options?: AttachOptions): Promise<RemoteCommand>;
  /**
   * Returns a tunnel to a port of a pod. Nothing is connected before the tunnel is used.
   *
   * @param port Its number, or the name that a container gives it.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function ask(kube: KubeClient, request: Uint8Array): Promise<string> {
   *   const tunnel = await kube.resource(Pod).portForward("web-0", 8080);
   *   const { readable, writable } = await tunnel.connect();
   *   const writer = writable.getWriter();
   *   await writer.write(request);
   *   return await new Response(readable).text();
   * }
   * console.assert(typeof ask === "function");
   * ```
   */
  portForward(
    name: string,
    port: number | string,
    options?: PortForwardOptions,
  ): Promise<PortTunnel>;
  /**
   * Reads a file of a container, which has to have `tar`. A symbolic link is followed.
   *
   * @param path Its absolute path.
   * @throws {ExecError} if `tar` can't read it.
   */
  readFile(name: string, path: string, options?: ReadFileOptions): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Writes a file of a container, which has to have `tar`. The file's folder has to exist.
   *
   * @throws {ExecError} if `tar` can't write it.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function configure(kube: KubeClient, pod: string): Promise<void> {
   *   await kube.resource(Pod).writeFile(pod, { path: "/etc/app.json", content: "{}" });
   * }
   * console.assert(typeof configure === "function");
   * ```
   */
  writeFile(name: string, options: WriteFileOptions): Promise<void>;
  /**
   * Copies a local file or folder into a container, which has to have `tar` (Node, Deno and Bun).
   *
   * @throws {ExecError} if `tar` can't write it.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function deploy(kube: KubeClient, pod: string): Promise<void> {
   *   await kube.resource(Pod).copyTo(pod, { from: "./dist", to: "/srv/dist" });
   * }
   * console.assert(typeof deploy === "function");
   * ```
   */
  copyTo(name: string, options: CopyToOptions): Promise<void>;
  /**
   * Copies a file or folder of a container, which has to have `tar`, to a local path (Node, Deno and Bun). Whatever
   * the container sends, nothing is written outside of that path.
   *
   * @throws {ExecError} if `tar` can't read it.
   * @throws {ConnectionError} if the archive is not complete, or has links, devices or names that lead elsewhere.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function collect(kube: KubeClient, pod: string): Promise<void> {
   *   await kube.resource(Pod).copyFrom(pod, { from: "/var/log", to: "./logs" });
   * }
   * console.assert(typeof collect === "function");
   * ```
   */
  copyFrom(name: string, options: CopyFromOptions): Promise<void>;
}

/** Binds the verbs of pods. */
export function podVerbs<T extends KubeObject>(target: ResourceTarget<T>): PodVerbs<T> {
  const named = (name: string): ObjectTarget<T> => new ObjectTarget(target, name);
  return {
    ...withStatus(target),
    resize: bindSubresource(target.below<T>("resize")),
    ephemeralcontainers: bindSubresource(target.below<T>("ephemeralcontainers")),
    binding: bindCreated<PodBinding>(target.below("binding")),
    async top(options = {}) {
      const { topPods } = await import("./usage.ts");
      return await topPods(target, options);
    },
    async evict(name, deletion = {}) {
      checkKnown("evict", deletion, deleteNames);
      const { body: deleteOptions, ...call } = deletionCall(deletion);
      const path = target.below("eviction").pathOfName(name);
      const metadata = { name, namespace: target.namespace };
      const body = { apiVersion: "policy/v1", kind: "Eviction", metadata, deleteOptions };
      await target.client.call({ ...call, method: "POST", path, body });
    },
    logs: (name, log = {}) => logLines(named(name), log),
    logText: async (name, log = {}) => await readLog(named(name), log),
    async exec(name, command, options = {}) {
      return await (await streams()).exec(named(name), command, options);
    },
    async execText(name, command, options = {}) {
      return await (await streams()).execText(named(name), command, options);
    },
    async attach(name, options = {}) {
      return await (await streams()).attach(named(name), options);
    },
    async portForward(name, port, options = {}) {
      const forwarded = { object: named(name), port, isSelected: false };
      return await (await streams()).portForward(forwarded, options);
    },
    async readFile(name, path, options = {}) {
      return await (await streams()).readFile(named(name), path, options);
    },
    async writeFile(name, options) {
      await (await streams()).writeFile(named(name), options);
    },
    async copyTo(name, options) {
      await (await streams()).copyTo(named(name), options);
    },
    async copyFrom(name, options) {
      await (await streams()).copyFrom(named(name), options);
    },
  };
}

/** Loaded where they are used: few programs stream into pods. */
async function streams(): Promise<typeof import("../pods/streams.ts")> {
  return await import("../pods/streams.ts");
}
