/**
 * Mistakes of callers, mostly in JavaScript. Every function rejects an unknown option and lists the known
 * ones. If the options are not an object, it says what it expects.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import * as edge from "../../runtimes/edge.ts";
import type { CallOptions } from "../../src/api/api-call.ts";
import type { PatchOptions } from "../../src/api/patch.ts";
import {
  type ClusterTrustBundleOptions,
  bindClusterTrustBundleSource,
} from "../../src/client/cluster-trust-bundle-source.ts";
import type { DeleteCallOptions, KubeClient } from "../../src/client/client.ts";
import { type ConnectOptions, bindConnect } from "../../src/client/connect.ts";
import type { CanOptions, ResourceAccess } from "../../src/client/permissions.ts";
import {
  type ServiceAccountTokenOptions,
  bindServiceAccountTokenSource,
} from "../../src/client/service-account-token-source.ts";
import { type BasicAuth, type ClusterConfig } from "../../src/config/cluster-config.ts";
import type { Impersonation } from "../../src/config/impersonation.ts";
import { type InClusterOptions, loadInCluster } from "../../src/config/in-cluster.ts";
import { loadKubeconfig } from "../../src/config/kubeconfig/kubeconfig.ts";
import type { KubeconfigOptions } from "../../src/config/kubeconfig/locations.ts";
import type {
  CopyFromOptions,
  CopyToOptions,
  ReadFileOptions,
  WriteFileOptions,
} from "../../src/pods/copy.ts";
import type { AttachOptions, ExecTextOptions } from "../../src/pods/exec.ts";
import type { LogLinesOptions, LogTextOptions } from "../../src/pods/logs.ts";
import type { PortForwardOptions } from "../../src/pods/port-forward.ts";
import { type DefineResourceOptions, defineResource } from "../../src/resources/define-resource.ts";
import type { DiscoverOptions } from "../../src/resources/discovery.ts";
import { Deployment, Node, Pod } from "../../src/resources/index.ts";
import type { DrainOptions } from "../../src/resources/node.ts";
import type { UndoOptions } from "../../src/resources/rollout.ts";
import type { TopOptions } from "../../src/resources/usage.ts";
import type { WorkloadLogsOptions } from "../../src/resources/workload-logs.ts";
import type {
  ApplyOptions,
  DeleteCollectionOptions,
  GetOptions,
  ListAllOptions,
  ListOptions,
  ResourceDeleteOptions,
  ResourcePatchOptions,
  WriteOptions,
} from "../../src/api/verbs.ts";
import type { Resource } from "../../src/resources/resource.ts";
import type { ResourceOptions } from "../../src/resources/kind.ts";
import { bindFileCaSource, bindFunctionCaSource } from "../../src/sources/ca-source.ts";
import {
  type ClientCertFiles,
  bindFileClientCertSource,
  bindFunctionClientCertSource,
} from "../../src/sources/client-cert-source.ts";
import type {
  SourceOptions,
  SourceReloadOptions,
  SourceWaitOptions,
} from "../../src/sources/source.ts";
import {
  bindFileTokenSource,
  bindFunctionTokenSource,
  staticTokenSource,
} from "../../src/sources/token-source.ts";
import { type CreateFetchOptions, bindCreateFetch } from "../../src/transport/create-fetch.ts";
import type { InformerHandler, InformerOptions } from "../../src/watch/informer.ts";
import type { WaitForDeletedOptions, WaitForOptions } from "../../src/watch/wait-for.ts";
import type { WatchOptions } from "../../src/watch/watch.ts";
import { type FakeRuntime, createFakeRuntime } from "./support/fake-runtime.ts";

const server = "https://10.96.0.1";

interface Scene {
  readonly runtime: FakeRuntime;
  readonly kube: KubeClient;
  readonly pods: ReturnType<typeof Pod.bind>;
  readonly deployments: ReturnType<typeof Deployment.bind>;
  readonly nodes: ReturnType<typeof Node.bind>;
}

async function setScene(): Promise<Scene> {
  const runtime = createFakeRuntime();
  const kube = await bindConnect(runtime)({ config: { server }, fieldManager: "me" });
  const pods = kube.resource(Pod);
  const nodes = kube.resource(Node);
  return { runtime, kube, pods, nodes, deployments: kube.resource(Deployment) };
}

type Act = (scene: Scene, options: never) => unknown;
type Row = readonly [what: string, act: Act, names: readonly string[]];

/** A row of the table. It compiles only if every option of `Options` is named. */
function row<Options>(what: string, names: Record<keyof Required<Options>, 1>, act: Act): Row {
  return [what, act, Object.keys(names)];
}

const call = { query: 1, headers: 1, signal: 1, timeoutMs: 1, maxResponseBytes: 1 } as const;
const verb = { signal: 1, timeoutMs: 1, maxResponseBytes: 1 } as const;
const selectors = { labelSelector: 1, fieldSelector: 1 } as const;
const listAll = { ...verb, ...selectors, limit: 1 } as const;
const write = { ...verb, dryRun: 1, fieldManager: 1, fieldValidation: 1 } as const;
const deletion = {
  ...verb,
  dryRun: 1,
  propagationPolicy: 1,
  gracePeriodSeconds: 1,
  preconditions: 1,
} as const;
const follow = {
  ...selectors,
  transform: 1,
  idleTimeoutMs: 1,
  retryInitialErrors: 1,
  signal: 1,
} as const;
const log = {
  container: 1,
  previous: 1,
  tailLines: 1,
  sinceSeconds: 1,
  sinceTime: 1,
  timestamps: 1,
  signal: 1,
} as const;
const attach = {
  container: 1,
  stdin: 1,
  stdout: 1,
  stderr: 1,
  tty: 1,
  signal: 1,
  timeoutMs: 1,
} as const;
const sourceOptions = { reloadIntervalMs: 1, cooldownMs: 1, readTimeoutMs: 1 } as const;
const transport = {
  timeoutMs: 1,
  http: 1,
  maxConnections: 1,
  connectTimeoutMs: 1,
  drainTimeoutMs: 1,
  trustWaitMs: 1,
  exclusiveTrust: 1,
  serverIdentity: 1,
  warnBeforeExpiryMs: 1,
  onEvent: 1,
} as const;
const one = { metadata: { name: "a" } };

function next(iterable: AsyncIterable<unknown>): Promise<unknown> {
  return iterable[Symbol.asyncIterator]().next();
}

const rows: readonly Row[] = [
  row<ConnectOptions>(
    "connect",
    {
      ...transport,
      ...sourceOptions,
      config: 1,
      fieldManager: 1,
      maxRetryAfterMs: 1,
      maxResponseBytes: 1,
      userAgent: 1,
    },
    ({ runtime }, options) => bindConnect(runtime)(options),
  ),
  row<CreateFetchOptions>(
    "createFetch",
    { ...transport, ca: 1, clientCert: 1, serverName: 1, proxy: 1 },
    ({ runtime }, options) => bindCreateFetch(runtime)(options),
  ),
  row<edge.EdgeConnectOptions>(
    "connect",
    {
      ...transport,
      ...sourceOptions,
      config: 1,
      connect: 1,
      fetch: 1,
      fieldManager: 1,
      maxRetryAfterMs: 1,
      maxResponseBytes: 1,
      userAgent: 1,
    },
    (_, options) => edge.connect(options),
  ),
  row<edge.EdgeCreateFetchOptions>(
    "createFetch",
    { ...transport, ca: 1, clientCert: 1, fetch: 1, serverName: 1, proxy: 1 },
    (_, options) => edge.createFetch(options),
  ),
  row<InClusterOptions>(
    "inCluster",
    { ...sourceOptions, root: 1, ca: 1, token: 1, clientCert: 1 },
    ({ runtime }, options) => loadInCluster(runtime, options),
  ),
  row<ServiceAccountTokenOptions>(
    "serviceAccountTokenSource",
    {
      name: 1,
      namespace: 1,
      audience: 1,
      expirationSeconds: 1,
      cooldownMs: 1,
      readTimeoutMs: 1,
    },
    ({ runtime, kube }, options) => bindServiceAccountTokenSource(runtime)(kube, options),
  ),
  row<ClusterTrustBundleOptions>(
    "clusterTrustBundleSource",
    { ...sourceOptions, signerName: 1, labelSelector: 1 },
    ({ runtime, kube }, options) => bindClusterTrustBundleSource(runtime)(kube, options),
  ),
  row<KubeconfigOptions>(
    "kubeconfig",
    {
      ...sourceOptions,
      path: 1,
      content: 1,
      context: 1,
      cluster: 1,
      user: 1,
      namespace: 1,
      execTimeoutMs: 1,
    },
    ({ runtime }, options) => loadKubeconfig(runtime, options),
  ),
  row<ClusterConfig>(
    "config",
    {
      server: 1,
      ca: 1,
      token: 1,
      clientCert: 1,
      basicAuth: 1,
      impersonate: 1,
      serverName: 1,
      insecureSkipTlsVerify: 1,
      proxy: 1,
      disableCompression: 1,
      namespace: 1,
    },
    ({ runtime }, config) => bindConnect(runtime)({ config }),
  ),
  row<Impersonation>(
    "impersonate",
    { user: 1, uid: 1, groups: 1, extra: 1 },
    ({ runtime }, impersonate) => bindConnect(runtime)({ config: { server, impersonate } }),
  ),
  row<BasicAuth>("basicAuth", { username: 1, password: 1 }, ({ runtime }, basicAuth) =>
    bindConnect(runtime)({ config: { server, basicAuth } }),
  ),
  row<SourceOptions>("a CA bundle source", sourceOptions, ({ runtime }, options) =>
    bindFileCaSource(runtime)("/ca.crt", options),
  ),
  row<SourceOptions>("a CA bundle source", sourceOptions, ({ runtime }, options) =>
    bindFunctionCaSource(runtime)(() => "", options),
  ),
  row<SourceOptions>("a token source", sourceOptions, ({ runtime }, options) =>
    bindFileTokenSource(runtime)("/token", options),
  ),
  row<SourceOptions>("a client certificate source", sourceOptions, ({ runtime }, options) =>
    bindFileClientCertSource(runtime)("/bundle.pem", options),
  ),
  row<ClientCertFiles>("fileClientCertSource", { certificate: 1, key: 1 }, ({ runtime }, files) =>
    bindFileClientCertSource(runtime)(files),
  ),
  row<SourceWaitOptions>("current", { signal: 1 }, ({ runtime }, options) =>
    bindFileTokenSource(runtime)("/token").current(options),
  ),
  row<SourceReloadOptions>("reload", { signal: 1, since: 1 }, ({ runtime }, options) =>
    bindFileTokenSource(runtime)("/token").reload(options),
  ),
  row<SourceReloadOptions>("reload", { signal: 1, since: 1 }, (_, options) =>
    staticTokenSource("token").reload(options),
  ),
  row<DefineResourceOptions>(
    "defineResource",
    {
      group: 1,
      version: 1,
      kind: 1,
      plural: 1,
      namespaced: 1,
      subresources: 1,
      schema: 1,
      check: 1,
    },
    (_, options) => defineResource(options),
  ),
  row<CallOptions>("get", call, ({ kube }, options) => kube.get("/version", options)),
  row<CallOptions>("post", call, ({ kube }, options) => kube.post("/x", {}, options)),
  row<CallOptions>("put", call, ({ kube }, options) => kube.put("/x", {}, options)),
  row<PatchOptions>("patch", { ...call, type: 1 }, ({ kube }, options) =>
    kube.patch("/x", {}, options),
  ),
  row<DeleteCallOptions>("delete", { ...call, body: 1 }, ({ kube }, options) =>
    kube.delete("/x", options),
  ),
  row<DiscoverOptions>("discover", { refresh: 1, signal: 1 }, ({ kube }, options) =>
    kube.discover(options),
  ),
  row<ResourceOptions>("resource", { namespace: 1 }, ({ kube }, options) =>
    kube.resource(Pod, options),
  ),
  row<GetOptions>("get", { ...verb, resourceVersion: 1 }, ({ pods }, options) =>
    pods.get("a", options),
  ),
  row<GetOptions>("get", { ...verb, resourceVersion: 1 }, ({ deployments }, options) =>
    deployments.scale.get("a", options),
  ),
  row<ListOptions>(
    "list",
    { ...listAll, continue: 1, resourceVersion: 1, resourceVersionMatch: 1 },
    ({ pods }, options) => pods.list(options),
  ),
  row<ListAllOptions>("listAll", listAll, ({ pods }, options) => next(pods.listAll(options))),
  row<WriteOptions>("create", write, ({ pods }, options) => pods.create(one, options)),
  row<WriteOptions>("replace", write, ({ pods }, options) => pods.replace(one, options)),
  row<WriteOptions>("replace", write, ({ pods }, options) => pods.status.replace(one, options)),
  row<ResourcePatchOptions>("patch", { ...write, type: 1 }, ({ pods }, options) =>
    pods.patch("a", {}, options),
  ),
  row<ApplyOptions>("apply", { ...write, force: 1 }, ({ pods }, options) =>
    pods.apply(one, options),
  ),
  row<ResourceDeleteOptions>("delete", deletion, ({ pods }, options) => pods.delete("a", options)),
  row<NonNullable<ResourceDeleteOptions["preconditions"]>>(
    "preconditions",
    { uid: 1, resourceVersion: 1 },
    ({ pods }, preconditions) => pods.delete("a", { preconditions }),
  ),
  row<DeleteCollectionOptions>(
    "deleteCollection",
    { ...deletion, ...selectors },
    ({ pods }, options) => pods.deleteCollection(options),
  ),
  row<ResourceDeleteOptions>("evict", deletion, ({ pods }, options) => pods.evict("a", options)),
  row<WatchOptions<Pod>>(
    "watch",
    { ...follow, resourceVersion: 1, initial: 1 },
    ({ pods }, options) => pods.watch(options),
  ),
  row<GetOptions>("find", { ...verb, resourceVersion: 1 }, ({ pods }, options) =>
    pods.find("a", options),
  ),
  row<WriteOptions>("update", write, ({ pods }, options) => pods.update("a", () => {}, options)),
  row<ListOptions>(
    "table",
    { ...listAll, continue: 1, resourceVersion: 1, resourceVersionMatch: 1 },
    ({ pods }, options) => pods.table(options),
  ),
  row<WriteOptions>("create", write, ({ pods }, options) =>
    pods.binding.create("a", { target: { name: "node" } }, options),
  ),
  row<TopOptions>("top", { ...verb, labelSelector: 1 }, ({ pods }, options) => pods.top(options)),
  row<TopOptions>("top", { ...verb, labelSelector: 1 }, ({ nodes }, options) => nodes.top(options)),
  row<WriteOptions>("cordon", write, ({ nodes }, options) => nodes.cordon("a", options)),
  row<WriteOptions>("uncordon", write, ({ nodes }, options) => nodes.uncordon("a", options)),
  row<DrainOptions>(
    "drain",
    {
      ignoreDaemonSets: 1,
      deleteEmptyDirData: 1,
      force: 1,
      labelSelector: 1,
      gracePeriodSeconds: 1,
      disableEviction: 1,
      skipDeletedAfterSeconds: 1,
      dryRun: 1,
      timeoutMs: 1,
      signal: 1,
      onProgress: 1,
    },
    ({ nodes }, options) => nodes.drain("a", options),
  ),
  row<WriteOptions>("restart", write, ({ deployments }, options) =>
    deployments.restart("a", options),
  ),
  row<UndoOptions>("undo", { ...write, toRevision: 1 }, ({ deployments }, options) =>
    deployments.undo("a", options),
  ),
  row<WaitForOptions>(
    "waitFor",
    { failOn: 1, onProgress: 1, timeoutMs: 1, signal: 1 },
    ({ deployments }, options) => deployments.rolledOut("a", options),
  ),
  row<WorkloadLogsOptions>(
    "logs",
    { ...log, follow: 1, waitForStart: 1, startTimeoutMs: 1, prefix: 1 },
    ({ deployments }, options) => next(deployments.logs("a", options)),
  ),
  row<CanOptions>("can", { signal: 1 }, ({ kube }, options) =>
    kube.can({ verb: "get", resource: Pod }, options),
  ),
  row<ResourceAccess>(
    "can",
    { verb: 1, resource: 1, subresource: 1, name: 1, namespace: 1 },
    ({ kube }, access) => kube.can(access),
  ),
  row<CanOptions>("whoAmI", { signal: 1 }, ({ kube }, options) => kube.whoAmI(options)),
  row<InformerOptions<Pod>>(
    "informer",
    { ...follow, indexes: 1, resyncIntervalMs: 1 },
    ({ pods }, options) => pods.informer(options),
  ),
  row<WaitForOptions>(
    "waitFor",
    { failOn: 1, onProgress: 1, timeoutMs: 1, signal: 1 },
    ({ pods }, options) => pods.waitFor("a", "Ready", options),
  ),
  row<WaitForDeletedOptions>(
    "waitForDeleted",
    { uid: 1, timeoutMs: 1, signal: 1 },
    ({ pods }, options) => pods.waitForDeleted("a", options),
  ),
  row<LogLinesOptions>(
    "logs",
    { ...log, follow: 1, waitForStart: 1, startTimeoutMs: 1 },
    ({ pods }, options) => next(pods.logs("a", options)),
  ),
  row<AttachOptions>("exec", attach, ({ pods }, options) => pods.exec("a", ["ls"], options)),
  row<AttachOptions>("attach", attach, ({ pods }, options) => pods.attach("a", options)),
  row<ExecTextOptions>(
    "execText",
    { container: 1, stdin: 1, check: 1, maxOutputBytes: 1, signal: 1, timeoutMs: 1 },
    ({ pods }, options) => pods.execText("a", ["ls"], options),
  ),
  row<PortForwardOptions>(
    "portForward",
    { connections: 1, halfClose: 1, signal: 1, timeoutMs: 1 },
    ({ pods }, options) => pods.portForward("a", 80, options),
  ),
  row<PortForwardOptions>(
    "portForward",
    { connections: 1, halfClose: 1, signal: 1, timeoutMs: 1 },
    ({ deployments }, options) => deployments.portForward("a", 80, options),
  ),
  row<ReadFileOptions>("readFile", { maxBytes: 1, container: 1, signal: 1 }, ({ pods }, options) =>
    pods.readFile("a", "/a", options),
  ),
  row<WriteFileOptions>(
    "writeFile",
    { path: 1, content: 1, mode: 1, container: 1, signal: 1 },
    ({ pods }, options) => pods.writeFile("a", options),
  ),
  row<CopyToOptions>(
    "copyTo",
    { from: 1, to: 1, skipLinks: 1, container: 1, signal: 1 },
    ({ pods }, options) => pods.copyTo("a", options),
  ),
  row<CopyFromOptions>(
    "copyFrom",
    {
      from: 1,
      to: 1,
      overwrite: 1,
      skipLinks: 1,
      maxBytes: 1,
      maxFiles: 1,
      container: 1,
      signal: 1,
    },
    ({ pods }, options) => pods.copyFrom("a", options),
  ),
  row<LogTextOptions>("logText", { ...log, timeoutMs: 1, maxResponseBytes: 1 }, (scene, options) =>
    scene.pods.logText("a", options),
  ),
];

/** The error of a call, thrown or rejected. */
async function failure(scene: Scene, act: Act, options: unknown): Promise<Error> {
  try {
    await act(scene, options as never);
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was accepted");
}

describe.each(rows)("%s", (what, act, names) => {
  test("rejects an unknown option, and lists all known ones", async () => {
    const scene = await setScene();
    const error = await failure(scene, act, { misspelt: undefined });
    expect(error).toBeInstanceOf(TypeError);
    const [, option, of, listed = ""] =
      /^Cannot use option (\w+) of (.+): it does not exist; the options are (.*)$/.exec(
        error.message,
      ) ?? [];
    expect([option, of]).toEqual(["misspelt", what]);
    expect(listed.split(", ").toSorted()).toEqual([...names].toSorted());
    expect(scene.runtime.exchanges).toEqual([]);
  });

  test.each<[kind: string, value: unknown]>([
    ["a number", 1],
    ["a function", () => {}],
    ["an array", []],
    ["null", null],
  ])("rejects %s instead of options", async (kind, value) => {
    const error = await failure(await setScene(), act, value);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(`expected an object, not ${kind}`);
  });
});

describe("callers in JavaScript get an error that says what to pass", () => {
  const mistakes: readonly [what: string, act: Act, message: string][] = [
    [
      "kube.resource() of a name",
      ({ kube }) => kube.resource("pods" as never),
      "Cannot bind a resource: expected a kind, not a string; import it from reanchor/resources",
    ],
    [
      "kube.resource() of nothing",
      ({ kube }) => kube.resource(undefined as never),
      "expected a kind, not undefined",
    ],
    [
      "kube.resource() with a namespace as text",
      ({ kube }) => kube.resource(Pod, "default" as never),
      'not a string; pass { namespace: "..." }',
    ],
    [
      "kubeconfig() of a path",
      ({ runtime }) => loadKubeconfig(runtime, "/home/u/.kube/config" as never),
      'Cannot use the options of kubeconfig: expected an object, not a string; pass { path: "..." }',
    ],
    [
      "inCluster() of a path",
      ({ runtime }) => loadInCluster(runtime, "/var/run" as never),
      'not a string; pass { root: "..." }',
    ],
    [
      "connect() of a URL",
      ({ runtime }) => bindConnect(runtime)(server as never),
      'not a string; pass { config: { server: "https://..." } }',
    ],
    [
      "connect() with a config that is a promise",
      ({ runtime }) => bindConnect(runtime)({ config: Promise.resolve({ server }) as never }),
      "Cannot use option config of connect: it is a promise; await it first",
    ],
    [
      "connect() with a config that is a URL",
      ({ runtime }) => bindConnect(runtime)({ config: server as never }),
      "Cannot use option config of connect: expected an object, not a string; pass what kubeconfig()",
    ],
    [
      "connect() with a token as text",
      ({ runtime }) => bindConnect(runtime)({ config: { server, token: "s3same" as never } }),
      "Cannot use config.token: expected a source, not a string; make one with fileTokenSource()",
    ],
    [
      "connect() with a CA as text",
      ({ runtime }) => bindConnect(runtime)({ config: { server, ca: "s3same" as never } }),
      "Cannot use config.ca: expected a source, not a string",
    ],
    [
      "createFetch() with a CA as text",
      ({ runtime }) => bindCreateFetch(runtime)({ ca: "s3same" as never }),
      "Cannot use option ca: expected a source, not a string",
    ],
    [
      "connect() with insecureSkipTlsVerify as text",
      ({ runtime }) =>
        bindConnect(runtime)({ config: { server, insecureSkipTlsVerify: "false" as never } }),
      "Cannot use option insecureSkipTlsVerify: it must be true or false, not a string",
    ],
    [
      "connect() with exclusiveTrust as text",
      ({ runtime }) => bindConnect(runtime)({ config: { server }, exclusiveTrust: "no" as never }),
      "Cannot use option exclusiveTrust: it must be true or false",
    ],
    [
      "impersonation of a group that is no list",
      ({ runtime }) => {
        const impersonate = { user: "u", groups: "system:masters" as never };
        return bindConnect(runtime)({ config: { server, impersonate } });
      },
      "Cannot use impersonate.groups: expected an array of strings, not a string",
    ],
    [
      "impersonation of an extra field that is no list",
      ({ runtime }) => {
        const impersonate = { user: "u", extra: { scopes: "view" as never } };
        return bindConnect(runtime)({ config: { server, impersonate } });
      },
      "Cannot use impersonate.extra.scopes: expected an array of strings, not a string",
    ],
    [
      "a user and a password that are none",
      ({ runtime }) => {
        const basicAuth = { username: "u", password: undefined as never };
        return bindConnect(runtime)({ config: { server, basicAuth } });
      },
      "Cannot use basicAuth: username and password must be strings",
    ],
    [
      "a CA file without a path",
      ({ runtime }) => bindFileCaSource(runtime)(undefined as never),
      "Cannot read a CA bundle: expected the path of a file, not undefined",
    ],
    [
      "a token file with an empty path",
      ({ runtime }) => bindFileTokenSource(runtime)(""),
      "Cannot read a token: expected the path of a file, not an empty string",
    ],
    [
      "a client certificate without its key",
      ({ runtime }) => bindFileClientCertSource(runtime)({ certificate: "/crt" } as never),
      "Cannot read the key of a client certificate: expected the path of a file, not undefined",
    ],
    [
      "a token function that is a token",
      ({ runtime }) => bindFunctionTokenSource(runtime)("s3same" as never),
      "Cannot make a token source: expected a function, not a string",
    ],
    [
      "a CA function that is none",
      ({ runtime }) => bindFunctionCaSource(runtime)({} as never),
      "Cannot make a CA source: expected a function, not an object",
    ],
    [
      "a client certificate function that is none",
      ({ runtime }) => bindFunctionClientCertSource(runtime)(null as never),
      "Cannot make a client certificate source: expected a function, not null",
    ],
    [
      "a fetch on edge that is none",
      () => edge.connect({ fetch: {} as never, config: { server } }),
      "Cannot use option fetch: it must be a function",
    ],
    [
      "kube.get() without a path",
      ({ kube }) => kube.get(undefined as never),
      "Cannot GET: the path is undefined, not a string",
    ],
    [
      "kube.patch() of JSON text",
      ({ kube }) => kube.patch("/x", "{}"),
      "Cannot patch: the patch is a string",
    ],
    [
      "create() of YAML text",
      ({ pods }) => pods.create("kind: Pod" as never),
      "Cannot use a Pod: expected an object, not a string; pass the object itself",
    ],
    [
      "replace() of a list",
      ({ pods }) => pods.replace([one] as never),
      "Cannot use a Pod: expected an object, not an array",
    ],
    [
      "apply() of nothing",
      ({ pods }) => pods.apply(undefined as never),
      "Cannot use a Pod: expected an object, not undefined",
    ],
    [
      "get() of an object",
      ({ pods }) => pods.get(one as never),
      "Cannot use name [object Object]: it is not a string",
    ],
    [
      "create() with dryRun as the API has it",
      ({ pods }) => pods.create(one, { dryRun: "All" as never }),
      "Cannot use option dryRun: it must be true or false, not a string",
    ],
    [
      "delete() with dryRun as the API has it",
      ({ pods }) => pods.delete("a", { dryRun: ["All"] as never }),
      "Cannot use option dryRun: it must be true or false, not an array",
    ],
    [
      "apply() with force as text",
      ({ pods }) => pods.apply(one, { force: "false" as never }),
      "Cannot use option force: it must be true or false, not a string",
    ],
    [
      "a handler of an event's name, as client-node has it",
      ({ pods }) => onInformer(pods, "add" as never),
      "Cannot use a handler: expected an object, not a string; pass { added(object) {}",
    ],
    [
      "a handler of misspelt functions",
      ({ pods }) => onInformer(pods, { add() {} } as never),
      "Cannot use a handler: it has no function of a known name; pass { added(object) {}",
    ],
  ];

  async function onInformer(pods: Resource<Pod>, handler: InformerHandler<Pod>): Promise<void> {
    await using informer = pods.informer();
    informer.on(handler);
  }

  test.each(mistakes)("%s", async (_, act, message) => {
    const scene = await setScene();
    const error = await failure(scene, act, {});
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain("s3same");
    await scene.kube.close();
  });
});

test("bindFileClientCertSource() of one path reads key and chain from one file", () => {
  const runtime = createFakeRuntime();
  const source = bindFileClientCertSource(runtime)("/bundle.pem");
  expect(source.status.source).toBe("file /bundle.pem");
});
