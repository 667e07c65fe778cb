/**
 * The port that a runtime fills: files, environment, clock, and connections under a given trust.
 *
 * @module
 */

/** Time and chance, injected so that they can be tested. */
export interface Clock {
  /** Monotonic milliseconds, for ages. */
  now(): number;
  /** Milliseconds since the epoch, for certificates and JWTs. */
  wallNow(): number;
  /** Calls back once after a delay in milliseconds; returns what cancels that. */
  setTimeout(callback: () => void, delayMs: number): () => void;
  /** The same, with a say in whether it keeps the program running. Without it, each request sets a timer of its own. */
  setAlarm?(callback: () => void, delayMs: number): Alarm;
  /** A number from 0 up to 1, by chance: waits of many clients must not end at once. */
  random(): number;
}

/** A callback that is to come. */
export interface Alarm {
  /** Decides whether the program keeps running for it, as it does at first. */
  setReferenced(isReferenced: boolean): void;
  /** Lets it never come. */
  cancel(): void;
}

/** The clock of every runtime. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimeout(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** What a runtime can do. If it can't honour an option, construction fails. */
export interface Capabilities {
  /**
   * What a request's own CA means: `exclusive`, the only trust; `additive`, added to the runtime's
   * default store; `none`, it can't carry one.
   */
  readonly customCa: "exclusive" | "additive" | "none";
  /** Whether trust can be exclusive, by itself or with the `exclusiveTrust` option. */
  readonly exclusiveTrust: boolean;
  /** Whether a retired generation's idle connections can be closed at once. */
  readonly closesIdleConnections: boolean;
  /**
   * Whether a connection is closed, and nothing sent on it, if its CA bundle or client certificate was replaced
   * before its handshake ended. Where a runtime hides its sockets, a request that already waits for its connection
   * when the trust changes is still sent once the old trust has verified the server, at the latest after `timeoutMs`.
   * On Deno that is so unless trust is exclusive.
   */
  readonly rejectsLateHandshakes: boolean;
  /** Whether connecting has a time limit of its own (`connectTimeoutMs`) beside `timeoutMs`. */
  readonly connectTimeout: boolean;
  /** Whether CA bundles and tokens can be read from files. */
  readonly files: boolean;
  /** Whether concurrent callers share one read of a source; on edge no promise may cross requests. */
  readonly sharedReads: boolean;
  /** Whether a stream body that has not been read survives a rejected handshake, so that it is sent again. */
  readonly resendsUntouchedStreams: boolean;
  /** Whether the runtime distinguishes a rejected server certificate from other failures. */
  readonly recognisesUntrustedServers: boolean;
  /**
   * Whether `status()` can say which anchors the chains of servers lead to. On Deno, it can if trust is exclusive.
   * Where it can't, it still knows of connections of exec, attach and port-forward.
   */
  readonly revealsChains: boolean;
  /**
   * Which chains of certificates are trusted through a CA bundle though kubectl rejects them, since the runtime has
   * no hook by which to reject them. On Deno, none is with `exclusiveTrust`.
   */
  readonly laxChains: readonly LaxChain[];
  /** Whether a request can carry a client certificate. */
  readonly clientCertificates: boolean;
  /** Whether a server can be checked against another name than its URL's. */
  readonly serverName: boolean;
  /** Whether a server can be checked for an identity in place of its host name (`serverIdentity`). */
  readonly serverIdentity: boolean;
  /** Whether verification of the server can be turned off by a config. */
  readonly insecureSkipTlsVerify: boolean;
  /** The schemes of the proxies that it can go through. */
  readonly proxies: readonly ProxyScheme[];
  /** Whether the runtime itself follows `HTTPS_PROXY` and `NO_PROXY`, by its own rules. */
  readonly followsProxyEnvironment: boolean;
  /** Whether several lines of one header are sent as several lines, as more than one group needs. */
  readonly repeatedHeaders: boolean;
  /** Whether credential plugins can be run. */
  readonly programs: boolean;
  /** Whether `http: "sockets"` can be had: HTTP/1.1 of the library's own over the runtime's sockets. */
  readonly sockets: boolean;
  /** Whether requests go over HTTP/2 if the server offers it; over HTTP/1.1 otherwise. */
  readonly http2: boolean;
  /**
   * How streams into pods (exec, attach, port-forward) are carried: `streams`, over a connection of their own whose
   * reader slows the server down; `messages`, over the platform's WebSocket, which keeps in memory what is not
   * read; `none`, not at all.
   */
  readonly upgrades: "streams" | "messages" | "none";
}

/** A chain of certificates that a runtime trusts and kubectl rejects. */
export type LaxChain =
  /** More intermediates than the trust anchor's path length allows. */
  | "path-length-of-anchor"
  /** An intermediate whose key usage does not say that it signs certificates. */
  | "key-usage-of-intermediate"
  /** An intermediate that is signed over SHA-1. */
  | "sha1-of-intermediate"
  /** One of a resumed TLS session, of which the server's certificate has expired since it was verified. */
  | "expired-since-verified";

/** How a proxy is spoken to. */
export type ProxyScheme = "http" | "https" | "socks5";

/** Reads files, and nothing but regular ones. */
export interface Files {
  /** Reads a regular file of at most `maxBytes`. */
  read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
  /**
   * Whether there is something at a path. Only "there is none" is false: a folder that may not be searched, a
   * file where a folder should be and a loop of symbolic links are errors.
   */
  exists(path: string): Promise<boolean>;
  /** The folder that relative paths start from; `undefined` if it is unknown, as after it was deleted. */
  workingFolder(): string | undefined;
}

/** A file or folder of this machine. */
export interface LocalEntry {
  /** Its path below the one that was asked for; empty for that one itself. */
  readonly parts: readonly string[];
  /** What it is. */
  readonly type: "file" | "directory" | "other";
  /** The size of a file in bytes. */
  readonly size: number;
  /** Its permission bits. */
  readonly mode: number;
  /** When it was modified, in milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** Reads a file. */
  open(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** What streams into pods need of this machine: folders, and local ports. */
export interface LocalSystem {
  /**
   * Accepts TCP connections.
   *
   * @throws if the address can't be had.
   */
  listen(
    address: { readonly host: string; readonly port: number },
    handlers: {
      onConnection(stream: ByteStream): void;
      /** Called when a connection could not be accepted. Later ones are. */
      onError(error: unknown): void;
    },
  ): Promise<{ readonly port: number; close(): Promise<void> }>;
  /** Whether a backslash separates the parts of a path, and names are restricted as on Windows. */
  readonly hasWindowsPaths: boolean;
  /** Lists a file, or a folder with everything below it. No symbolic link is followed but the path's own. */
  readTree(path: string): AsyncIterable<LocalEntry>;
  /** Makes a folder below a root, with those on the way. Below the root, symbolic links are errors. */
  createFolder(root: string, parts: readonly string[]): Promise<void>;
  /**
   * Writes a new file below a root, or at it. Below the root, symbolic links are errors.
   *
   * @throws if there is something, unless it is a file or link that may be replaced.
   */
  createFile(root: string, parts: readonly string[], file: NewLocalFile): Promise<void>;
}

/** A file that is written. */
export interface NewLocalFile {
  /** Its content. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Its permission bits. */
  readonly mode: number;
  /** Whether a file or link that is there is replaced. */
  readonly overwrite: boolean;
}

/** A program that is run for what it prints. */
export interface ProgramCommand {
  /** A path, or a name to be looked for in this process's own `PATH`, whatever `env` sets. */
  readonly command: string;
  /** What it is called with. */
  readonly args: readonly string[];
  /** Added to this process's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether the program gets this process's standard input; else it reads nothing. */
  readonly inheritStdin: boolean;
  /** More than this on standard output ends the program and is an error. */
  readonly maxOutputBytes: number;
}

/** How a program ended. */
export interface ProgramResult {
  /** `undefined` if a signal ended it. */
  readonly exitCode: number | undefined;
  /** What it printed. */
  readonly stdout: Uint8Array;
  /** The end of what it printed on standard error; empty if that is this process's own terminal. */
  readonly stderr: Uint8Array;
}

/** Runs programs. What they print on standard error appears on this process's own. */
export interface Programs {
  /**
   * Runs one to its end. The signal kills it.
   *
   * @throws {SourceError} if it can't be started: the reason is `missing` where there is none of that
   * name, `denied` where it may not be run.
   */
  run(command: ProgramCommand, signal: AbortSignal): Promise<ProgramResult>;
  /** Whether standard input is a terminal. */
  stdinIsTerminal(): boolean | Promise<boolean>;
}

/** What a request's failure means, in the one vocabulary that every runtime is translated to. */
export type Failure =
  /** No anchor vouches for the server's certificate. Nothing was sent. */
  | "unknown-authority"
  /** The server's certificate or its anchor has expired. Nothing was sent. */
  | "expired"
  /** The server's certificate is for other names. Nothing was sent. */
  | "wrong-host"
  /** The connection was lost; the server may have seen the request. */
  | "lost"
  /** Lost, but provably before the server looked at it: while connecting, or by HTTP/2 REFUSED_STREAM. */
  | "not-processed"
  /** The trust changed during the handshake, see {@link PoolOptions.confirm}. Nothing was sent. */
  | "late-handshake"
  /** No connection came about. Nothing was sent. */
  | "unreachable"
  /** Anything else. */
  | "other";

/** One line of a request's headers. */
export type HeaderLine = readonly [name: string, value: string];

/** A request as a runtime sends it: redirects are handed back, nothing is added. */
export interface TransportRequest {
  /** In upper case. */
  readonly method: string;
  /** All that is sent, but for what HTTP itself needs. Names are in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Lines that are sent beside them and never joined, though their names may be equal. */
  readonly headerLines: readonly HeaderLine[];
  /** What is sent after them. */
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  /** Ends the request and its response's body. */
  readonly signal: AbortSignal | undefined;
  /** Says when the signal is aborted, where that has but one listener; to listen to a signal costs more. */
  readonly ending?: { onEnd: (() => void) | undefined } | undefined;
  /** Whether it needs a connection that has carried no other request, if the transport has a say in it. */
  readonly isFresh?: boolean | undefined;
}

/** What may end a request. */
export interface Ending {
  /** Called once the signal has been aborted. */
  onEnd: (() => void) | undefined;
}

/** How much of a body is read as a whole. */
export interface BodyLimit {
  /** How many bytes it may have, after decompression. */
  readonly maxBytes: number;
  /** Whether what is beyond that is left out; if not, reading throws a `BodyTooLargeError`. */
  readonly cutsRest: boolean;
  /** Aborted when the body is no longer wanted. */
  readonly signal: AbortSignal;
  /** Called with the size of each piece that arrives while the body is read. */
  onPiece(bytes: number): void;
}

/** A response whose headers have come. One of the last three members is called, once. */
export interface TransportResponse {
  /** The HTTP status. */
  readonly status: number;
  /** A header's value, its lines joined with a comma, or `null`. */
  header(name: string): string | null;
  /**
   * Calls `listener` once, when the body ends or fails. If a runtime does not report that for a response that was
   * returned, the body is watched for an `exact` listener, at a cost; every other listener is
   * called when the response has been read as a whole, or else when it has been collected.
   */
  onEnd(listener: () => void, exact?: boolean): void;
  /** Reads the body as UTF-8 text, and gives up what is beyond the limit. */
  text(limit: BodyLimit): Promise<string>;
  /** Gives the body up, and with it perhaps the connection. */
  discard(): Promise<void>;
  /** Hands it over as an instance of the global `Response`. */
  toResponse(): Response;
}

/** Bytes both ways over one connection, with backpressure. */
export interface ByteStream {
  /** The next bytes, or `undefined` at the end. At most about 64 KiB are read ahead. One call at a time. */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Sends bytes; settles when the connection takes more. A failure leaves reading alone. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Sends no more, and closes once what was written is sent. What arrives from then on is dropped. */
  end(): void;
  /** Closes at once. Pending reads and writes fail with the reason, and so do later ones. */
  abort(reason: unknown): void;
  /** Whether it keeps the process alive, as it does at first; absent if nobody can say so. */
  setReferenced?(isReferenced: boolean): void;
  /** Resolves when the connection is gone, whichever way. */
  readonly closed: Promise<void>;
}

/** A connection that speaks another protocol, once an HTTP/1.1 request has upgraded it. */
export interface UpgradedConnection extends ByteStream {
  /** A header of the `101` response, its lines joined with a comma, or `null`. */
  header(name: string): string | null;
}

/** Messages of a WebSocket, both ways. */
export interface MessageSocket {
  /** The next message, or `undefined` once the server has closed the WebSocket normally. One call at a time. */
  receive(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Sends one message, given in parts; settles when more can be sent. A failure leaves reading alone. */
  send(...parts: Uint8Array[]): Promise<void>;
  /** Closes it once what was sent has gone out. */
  close(): void;
  /** Closes it at once; what is received or sent fails with the reason. */
  abort(reason: unknown): void;
}

/** A WebSocket whose frames are the platform's own, so that no slow reader slows its server down. */
export interface UpgradedMessages extends MessageSocket {
  /** A header of the `101` response, its lines joined with a comma, or `null`. */
  header(name: string): string | null;
  /** Resolves when the connection is gone, whichever way. */
  readonly closed: Promise<void>;
}

/** What an upgrade gives: see {@link RuntimeCapabilities.upgrades}. */
export type Upgraded = UpgradedConnection | UpgradedMessages;

/** A pool of connections under one snapshot of trust. */
export interface Transport {
  /** Sends a request. Fails with what the runtime throws; see {@link Runtime.explain}. */
  send(url: string, request: TransportRequest): Promise<TransportResponse>;
  /**
   * Sends a request without a body by which the server is to change the protocol, on a connection of its own. The
   * request's signal ends that connection, as long as it lives. Absent where `capabilities.upgrades` is `none`.
   *
   * @returns The connection, or the response of a server that does not change the protocol.
   */
  upgrade?(url: string, request: TransportRequest): Promise<Upgraded | TransportResponse>;
  /**
   * Connects to a server as for a request, and closes the connection once the server's certificate is verified.
   * Nothing is sent. Absent if trust is the platform's.
   *
   * @throws as {@link Transport.send} does if the server is rejected or can't be reached.
   */
  probe?(url: string, signal: AbortSignal): Promise<void>;
  /**
   * Loads the code of {@link Transport.probe}. Called while servers are trusted: a program whose files were replaced
   * since it started could not load it when it is needed.
   */
  prepareProbe?(): Promise<unknown>;
  /**
   * Closes idle connections now; in-flight requests end by themselves, or by their signals. Resolves when none
   * is left.
   */
  retire(): Promise<void>;
}

/** What the connections of one generation stand on. */
export interface TlsSnapshot {
  /** The trust anchors as PEM; `undefined` for the runtime's default store. Never empty. */
  readonly ca: readonly string[] | undefined;
  /** What this client proves its identity with; `undefined` for none. PEM. */
  readonly clientCert: { readonly certificate: string; readonly key: string } | undefined;
  /**
   * The name that the server's certificate must carry, and that is asked for by SNI unless it is an address,
   * if not the URL's; as `readServerName` returns it.
   */
  readonly serverName: string | undefined;
  /**
   * Checks the server's certificate, in DER, in place of its host name; returns why it is rejected. Never with
   * {@link TlsSnapshot.serverName}.
   */
  readonly serverIdentity: ((certificate: Uint8Array) => Error | undefined) | undefined;
  /** Whether the server goes unchecked. Never with {@link TlsSnapshot.ca}. */
  readonly insecureSkipTlsVerify: boolean;
  /** The proxy that connections go through; `undefined` for none, whatever the environment says. */
  readonly proxy: URL | undefined;
}

/** How a pool behaves, beside whom it trusts. */
export interface TransportOptions {
  /** How long connecting may take, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Whether nothing but the snapshot's anchors may vouch for a server. */
  readonly exclusiveTrust: boolean;
  /** Whether requests have several lines of one header. */
  readonly repeatsHeaders: boolean;
  /** How many connections each origin may have at once, if that is limited. */
  readonly maxConnections?: number;
}

/**
 * How the pool of one generation behaves. One of the two members is to be called after each TLS handshake, before
 * anything is sent, if the runtime lets it be known (`capabilities.rejectsLateHandshakes`). A connection that is too
 * late must be closed, and its requests fail by that error, which is a `late-handshake`.
 */
export interface PoolOptions extends TransportOptions {
  /** Reads again what has aged, and rejects if the trust has changed since the handshake began. */
  confirm(): Promise<void>;
  /** The same without a read, where the runtime can't wait: the error, or `undefined` in time. */
  late(): Error | undefined;
  /**
   * To be called with a chain that was verified, in DER: the server's certificate and its issuers. Only where the
   * runtime reveals it.
   */
  onChain?(chain: readonly Uint8Array[]): void;
}

/** What stays as it is while CA bundles and client certificates come and go. */
export interface FixedTlsSettings extends Omit<TlsSnapshot, "ca" | "clientCert"> {
  /** Whether there may be a client certificate. */
  readonly hasClientCert: boolean;
}

/** How requests are carried: what can be done that way, and how connections are made. */
export interface HttpWay {
  /** What it can do. */
  readonly capabilities: Capabilities;
  /**
   * Whether every anchor of the issuer's name is tried on a certificate. OpenSSL takes the first where
   * key identifiers do not distinguish them, though another one signed it.
   */
  readonly triesEveryAnchor: boolean;
  /** Why settings can't be had together, though each of them can; asked before anything connects. */
  conflict?(settings: FixedTlsSettings, options: TransportOptions): string | undefined;
  /**
   * Whether a flag of the runtime may leave certificates unverified, though nothing here asks for that. Absent if
   * no flag can.
   */
  ignoresCertificateErrors?(settings: FixedTlsSettings, options: TransportOptions): boolean;
  /**
   * Parses a certificate with whatever the runtime's TLS parses it with, since one that passes for a certificate
   * elsewhere may be none there. Absent if the runtime has no certificates of ours.
   *
   * @param pem One certificate.
   * @throws {Error} if it can't be parsed.
   */
  checkCertificate?(pem: string): void;
  /** Opens a pool. Throws where a certificate is one that the runtime can't use. */
  openTransport(trust: TlsSnapshot, options: PoolOptions): Transport;
  /** Says what a failure of {@link Transport.send} means. */
  explain(error: unknown): Failure;
}

/** A setting that a runtime's own HTTP may not be able to honour. */
export type SocketsOnlySetting =
  | "exclusiveTrust"
  | "insecureSkipTlsVerify"
  | "repeatsHeaders"
  | "serverIdentity"
  | "serverName";

/** A JavaScript runtime, as the core sees it, and how its own HTTP carries requests. */
export interface Runtime extends HttpWay {
  /** Which runtime. */
  readonly name: "node" | "deno" | "bun" | "edge";
  /** For the `User-Agent` header, as in `node/24.21.0`. */
  readonly userAgent: string;
  /** What to say in addition if something is asked for that it can't do; see {@link toUnsupportedError}. */
  readonly unsupportedHint?: string;
  /** How HTTP/1.1 of the core's own carries requests, over sockets of this runtime; absent if it gives none. */
  readonly sockets?: HttpWay;
  /** What only sockets can honour. */
  readonly onlyBySockets?: ReadonlySet<SocketsOnlySetting>;
  /** Its time. */
  readonly clock: Clock;
  /** `undefined` if there is no file system. */
  readonly files: Files | undefined;
  /** `undefined` if there are no programs to run. */
  readonly programs: Programs | undefined;
  /** Folders and local ports, loaded when they are used; absent if there are none. */
  readonly local?: () => Promise<LocalSystem>;
  /**
   * The SHA-256 of bytes, in hexadecimal. Absent if Web Crypto is as good: on Node, it takes some milliseconds to load.
   */
  sha256?(bytes: Uint8Array): string;
  /** An environment variable; `undefined` if it is unset, or may not be read. */
  env(name: string): string | undefined;
  /** Whether a permission is missing without which the thing counts as unset. */
  isDenied(kind: "env" | "read" | "net" | "run", name: string): boolean;
  /**
   * Checks that this process is that runtime, before anything connects. Absent if it works on any.
   *
   * @throws {ConfigError} if it is another one, where a CA bundle would be ignored.
   */
  checkHost?(): void;
}
