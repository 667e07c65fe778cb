/**
 * A runtime in memory: the test controls its files, its environment, its clock and the responses of its
 * connections.
 *
 * @module
 */

import type {
  Capabilities,
  Failure,
  ProgramResult,
  Programs,
  Runtime,
  TlsSnapshot,
  Transport,
  TransportRequest,
  TransportResponse,
} from "../../../src/runtime.ts";
import { fromResponse } from "../../../src/transport/response.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { anchorPem } from "./certificates.ts";

/** An error that a runtime throws, with the meaning that {@linkcode FakeRuntime.explain} returns for it. */
export class FakeFailure extends Error {
  override readonly name = "FakeFailure";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`fake failure: ${failure}`);
    this.failure = failure;
  }
}

/** A request that reached a {@linkcode FakeTransport}. */
export interface FakeExchange extends TransportRequest {
  readonly url: string;
  /** The number of the transport that it was sent on, counted from 1. */
  readonly transport: number;
}

/** The response to a request. */
export type FakeAnswer = (exchange: FakeExchange) => Response | Promise<Response>;

/** A pool of connections that opens no connections. */
export interface FakeTransport extends Transport {
  /** The settings it was opened with. */
  readonly trust: TlsSnapshot;
  readonly ca: readonly string[] | undefined;
  /** Whether its idle connections have been closed. */
  readonly retired: boolean;
}

/** See the module. */
export interface FakeRuntime extends Runtime {
  readonly clock: ManualClock;
  /** The files, by path. An error is thrown, and a function is called at each read. */
  readonly disk: Map<string, string | Uint8Array | Error | (() => Promise<string>)>;
  /** The paths that can't even be checked, with the reason. */
  readonly hidden: Map<string, Error>;
  /** The folder that relative paths start from. */
  folder: string | undefined;
  /** The environment. */
  readonly variables: Map<string, string>;
  /** What may not be accessed, such as `env HOME` or `read /root`. */
  readonly denied: Set<string>;
  /** The paths that have been read, in order. */
  readonly reads: string[];
  /** Every transport that has been opened, in order. */
  readonly transports: FakeTransport[];
  /** Every request that has been sent, in order. */
  readonly exchanges: FakeExchange[];
  /** Answers the next requests. */
  answer: FakeAnswer;
  /** Whether the runtime rejects a bundle or a client certificate. */
  refuses: (ca: readonly string[] | undefined, clientCert: TlsSnapshot["clientCert"]) => boolean;
  /** Runs instead of programs. */
  runs: Programs["run"];
}

/** The options of {@linkcode createFakeRuntime}. */
export interface FakeRuntimeOptions {
  readonly name?: Runtime["name"];
  readonly capabilities?: Partial<Capabilities>;
  readonly triesEveryAnchor?: boolean;
  readonly hasFiles?: boolean;
}

const nodeLike: Capabilities = {
  customCa: "exclusive",
  exclusiveTrust: true,
  closesIdleConnections: true,
  rejectsLateHandshakes: true,
  connectTimeout: true,
  files: true,
  sharedReads: true,
  resendsUntouchedStreams: true,
  recognisesUntrustedServers: true,
  revealsChains: true,
  laxChains: [],
  clientCertificates: true,
  serverName: true,
  serverIdentity: true,
  insecureSkipTlsVerify: true,
  proxies: ["http", "https", "socks5"],
  followsProxyEnvironment: false,
  repeatedHeaders: true,
  programs: true,
  sockets: false,
  http2: false,
  upgrades: "streams",
};

/** Creates a runtime, which is like Node by default. */
export function createFakeRuntime(options: FakeRuntimeOptions = {}): FakeRuntime {
  const disk: FakeRuntime["disk"] = new Map();
  const variables = new Map<string, string>();
  const denied = new Set<string>();
  const reads: string[] = [];

  async function read(path: string): Promise<Uint8Array> {
    reads.push(path);
    const stored = disk.get(path);
    if (stored === undefined) throw new Error(`no such file: ${path}`);
    if (stored instanceof Error) throw stored;
    const content = typeof stored === "function" ? await stored() : stored;
    return typeof content === "string" ? new TextEncoder().encode(content) : content;
  }

  async function exists(path: string): Promise<boolean> {
    const hidden = runtime.hidden.get(path);
    if (hidden !== undefined) throw hidden;
    return disk.has(path);
  }

  const runtime: FakeRuntime = {
    name: options.name ?? "node",
    userAgent: "fake/1.0",
    capabilities: { ...nodeLike, ...options.capabilities },
    triesEveryAnchor: options.triesEveryAnchor ?? true,
    clock: new ManualClock(),
    files:
      options.hasFiles === false
        ? undefined
        : { read, exists, workingFolder: () => runtime.folder },
    env: (name) => (denied.has(`env ${name}`) ? undefined : variables.get(name)),
    isDenied: (kind, name) => denied.has(`${kind} ${name}`),
    openTransport(trust) {
      if (runtime.refuses(trust.ca, trust.clientCert))
        throw new Error("a certificate that this runtime can't use");
      const transport = openFakeTransport(runtime, trust);
      runtime.transports.push(transport);
      return transport;
    },
    explain: (error) => (error instanceof FakeFailure ? error.failure : "other"),
    disk,
    hidden: new Map(),
    folder: undefined,
    variables,
    denied,
    reads,
    transports: [],
    exchanges: [],
    answer: () => new Response("{}"),
    refuses: () => false,
    runs: () => Promise.reject(new Error("no programs here")),
    programs: {
      run: (command, signal) => runtime.runs(command, signal),
      stdinIsTerminal: () => false,
    },
  };
  return runtime;
}

/** The folder of a pod's service account. */
export const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Creates a runtime in a pod: it has the environment and the files of a service account. */
export function createPodRuntime(options?: FakeRuntimeOptions): FakeRuntime {
  const runtime = createFakeRuntime(options);
  runtime.variables.set("KUBERNETES_SERVICE_HOST", "10.96.0.1");
  runtime.variables.set("KUBERNETES_SERVICE_PORT", "443");
  runtime.disk.set(`${serviceAccountFolder}/ca.crt`, anchorPem());
  runtime.disk.set(`${serviceAccountFolder}/token`, "sesame\n");
  return runtime;
}

function openFakeTransport(runtime: FakeRuntime, trust: TlsSnapshot): FakeTransport {
  const number = runtime.transports.length + 1;
  let retired = false;
  return {
    trust,
    ca: trust.ca,
    get retired() {
      return retired;
    },
    async send(url, request): Promise<TransportResponse> {
      // A copy, because a later attempt may change them.
      const sent = { ...request, headers: new Map(request.headers), url, transport: number };
      runtime.exchanges.push(sent);
      return fromResponse(await runtime.answer(sent), url);
    },
    async retire() {
      retired = true;
    },
  };
}

/** The result of a program that printed this. */
export function printed(
  stdout: string,
  exitCode: number | undefined = 0,
  stderr = "",
): ProgramResult {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  return { exitCode, stdout: encode(stdout), stderr: encode(stderr) };
}

/** A response that ends only with its request. */
export function untilAborted({ signal }: TransportRequest): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Answers with the given responses in sequence, then repeats the last one. */
export function inTurn(...answers: readonly FakeAnswer[]): FakeAnswer {
  let next = 0;
  return (exchange) => {
    const answer = answers[Math.min(next, answers.length - 1)];
    next++;
    if (answer === undefined) throw new RangeError("Cannot answer: there are no answers");
    return answer(exchange);
  };
}

/** Throws an error as a runtime does. */
export function failing(failure: Failure): FakeAnswer {
  return () => {
    throw new FakeFailure(failure);
  };
}
