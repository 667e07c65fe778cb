/**
 * Values that a program is sent as they change, by a stream, as the SPIFFE Workload API and vault agents send them.
 *
 * @module
 */

import { SourceError } from "../errors.ts";
import { kindOf } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { type CaBundle, type CaSource, createCaSource } from "./ca-source.ts";
import {
  type ClientCert,
  type ClientCertPem,
  type ClientCertSource,
  createClientCertSource,
} from "./client-cert-source.ts";
import type { PushFeed, PushListener } from "./push-feed.ts";
import type { Source, SourceOptions } from "./source.ts";
import { type TokenSource, createTokenSource } from "./token-source.ts";

/** What ends a source that listens. */
export interface Closable extends Disposable {
  /** Stops listening. The last good value stays, and ages. */
  close(): void;
}

/** Binds `pushCaSource()` to a runtime. */
export function bindPushCaSource(
  runtime: Runtime,
): (listen: PushListener<string | Uint8Array>, options?: SourceOptions) => CaSource & Closable {
  return (listen, options) =>
    createPushSource<string | Uint8Array, CaBundle>(runtime, {
      what: "CA",
      listen,
      open: (read) => createCaSource(runtime, { source: "stream", read }, options),
    });
}

/** Binds `pushTokenSource()` to a runtime. */
export function bindPushTokenSource(
  runtime: Runtime,
): (listen: PushListener<string>, options?: SourceOptions) => TokenSource & Closable {
  return (listen, options) =>
    createPushSource<string, string>(runtime, {
      what: "token",
      listen,
      open: (read) => createTokenSource(runtime, { source: "stream", read }, options),
    });
}

/** Binds `pushClientCertSource()` to a runtime. */
export function bindPushClientCertSource(
  runtime: Runtime,
): (listen: PushListener<ClientCertPem>, options?: SourceOptions) => ClientCertSource & Closable {
  return (listen, options) =>
    createPushSource<ClientCertPem, ClientCert>(runtime, {
      what: "client certificate",
      listen,
      open: (read) => createClientCertSource(runtime, { source: "stream", read }, options),
    });
}

interface PushParts<Raw, Value> {
  /** What it is a source of, for messages. */
  readonly what: string;
  readonly listen: PushListener<Raw>;
  /** Makes the source of what reads the latest value. */
  readonly open: (read: (signal: AbortSignal) => Promise<Raw>) => Source<Value>;
}

/**
 * Makes a source whose reads take the latest value of a stream, and that reads whenever there is another one: the reload
 * engine's rules for age, failures, events and status hold for it as they do for a file.
 */
function createPushSource<Raw, Value>(
  { capabilities }: Runtime,
  { what, listen, open }: PushParts<Raw, Value>,
): Source<Value> & Closable {
  if (typeof listen !== "function") {
    throw new TypeError(`Cannot make a ${what} source: expected a function, not ${kindOf(listen)}`);
  }
  let feed: PushFeed<Raw> | undefined;
  let isClosed = false;
  const source = open(async (signal) => {
    // Loaded where it is used: most programs read files.
    const { PushFeed: Feed } = await import("./push-feed.ts");
    if (isClosed) throw new SourceError("it was closed", "failed");
    feed ??= new Feed(listen, capabilities.sharedReads, () => {
      source.reload().catch(() => {}); // Its status and events say it.
    });
    return await feed.read(signal);
  });
  function close(): void {
    isClosed = true;
    feed?.close();
  }
  return closable(source, close);
}

/** A source with what ends it. */
export function closable<Value>(
  source: Source<Value>,
  close: () => void,
): Source<Value> & Closable {
  return {
    current: (options) => source.current(options),
    reload: (options) => source.reload(options),
    fresh: () => source.fresh?.(),
    peek: () => source.peek(),
    get status() {
      return source.status;
    },
    subscribe: (listener) => source.subscribe(listener),
    close,
    [Symbol.dispose]: close,
  };
}
