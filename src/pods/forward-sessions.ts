/**
 * The sessions by which a tunnel reaches its pods: one for each connection, or one for all those to a pod.
 *
 * @module
 */

import type { ResourceClient } from "../api/api-call.ts";
import type { MessageSocket } from "../runtime.ts";
import { forwardChannels } from "./forward-channels.ts";
import { SpdySession, type ForwardSettings } from "./spdy-session.ts";
import type { ForwardedConnection } from "./forwarded-connection.ts";
import { type OpenWebSocket, openWebSocket } from "./open-web-socket.ts";

/** The subprotocols, the preferred one first. */
const forwardProtocols = ["SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io"] as const;

/** A pod and the number of one of its ports. */
export interface Destination {
  /** The pod's path. */
  readonly path: string;
  readonly port: number;
}

/** What sessions are opened by. */
export interface SessionsParts {
  readonly client: ResourceClient;
  readonly settings: ForwardSettings;
  /** How long opening one may take, in milliseconds; the client's `timeoutMs` by default. */
  readonly timeoutMs: number | undefined;
}

/** A session that several connections use. */
interface Shared {
  /** The trust that it was opened under. */
  readonly generation: unknown;
  /** `undefined` if the server speaks the protocol that has one connection a WebSocket. */
  readonly session: Promise<SpdySession | undefined>;
}

/** See the module. */
export class ForwardSessions {
  readonly #parts: SessionsParts;
  /** The newest one to each pod, by its path. */
  readonly #shared = new Map<string, Shared>();
  #holds = 0;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  /** Opens a connection in a session of its own. */
  async connectAlone(destination: Destination): Promise<ForwardedConnection> {
    const opened = await this.#openWebSocket(destination);
    return await this.#firstOf(
      opened,
      this.#sessionOf(opened, () => false),
      destination,
    );
  }

  /**
   * Opens a connection in a session that others use, unless they would delay it. A session that was opened under
   * an earlier trust takes no more connections.
   */
  async connectShared(destination: Destination): Promise<ForwardedConnection> {
    const { client, settings } = this.#parts;
    const { path, port } = destination;
    const generation = await client.generation(settings.signal);
    for (;;) {
      const known = this.#shared.get(path);
      if (known === undefined || known.generation !== generation) break;
      const session = await known.session;
      if (session === undefined) return await this.connectAlone(destination);
      if (session.takesMore) return await session.open(port);
      if (this.#shared.get(path) === known) break;
    }
    return await this.#openShared(destination, generation);
  }

  /** Keeps shared sessions open, though they have no connections, until the returned function is called. */
  hold(): () => void {
    this.#holds += 1;
    return () => {
      this.#holds -= 1;
      for (const { session } of this.#shared.values()) {
        session.then((opened) => opened?.closeIfUnused()).catch(() => {}); // Whoever opens it learns that.
      }
    };
  }

  async #openShared(destination: Destination, generation: unknown): Promise<ForwardedConnection> {
    const { path } = destination;
    const opening = this.#openWebSocket(destination);
    const session = opening.then((opened) => this.#sessionOf(opened, () => this.#holds > 0));
    const shared: Shared = { generation, session };
    const previous = this.#shared.get(path);
    this.#shared.set(path, shared);
    previous?.session.then((replaced) => replaced?.seal()).catch(() => {}); // As above.
    try {
      const [opened, first] = await Promise.all([opening, session]);
      return await this.#firstOf(opened, first, destination);
    } catch (error) {
      if (this.#shared.get(path) === shared) this.#shared.delete(path);
      throw error;
    }
  }

  async #openWebSocket({ path, port }: Destination): Promise<OpenWebSocket> {
    const { client, settings, timeoutMs } = this.#parts;
    const { signal } = settings;
    const call = { path: `${path}/portforward?ports=${port}`, signal, timeoutMs };
    return await openWebSocket(client, call, forwardProtocols);
  }

  #sessionOf({ socket, protocol }: OpenWebSocket, isKept: () => boolean): SpdySession | undefined {
    if (protocol !== forwardProtocols[0]) return undefined;
    return new SpdySession(socket, this.#parts.settings, isKept);
  }

  async #firstOf(
    { socket }: { readonly socket: MessageSocket },
    session: SpdySession | undefined,
    { port }: Destination,
  ): Promise<ForwardedConnection> {
    return (await session?.open(port)) ?? forwardChannels(socket, this.#parts.settings);
  }
}
