/**
 * A request by which the server is to change the protocol, and the connection that comes of it.
 *
 * It is sent as every request is, with credentials, reloads and retries, but on a connection of its own and never
 * again once it was sent: a command may run by then.
 *
 * @module
 */

import { ConfigError, ConnectionError } from "../errors.ts";
import type { Capabilities, Transport, TransportResponse, Upgraded } from "../runtime.ts";
import { type OutgoingRequest, describe } from "./request.ts";

/** See the module. One request's. */
export class Channel {
  #connection: Upgraded | undefined;

  /** @throws {ConfigError} if the runtime can't change the protocol of a connection. */
  constructor({ upgrades }: Capabilities) {
    if (upgrades === "none") throw unableToUpgrade();
  }

  /** See {@link OutgoingRequest.sendBy}. */
  readonly send = async (
    transport: Transport,
    request: OutgoingRequest,
  ): Promise<TransportResponse> => {
    const outcome = await transport.upgrade?.(request.url.href, request);
    if (outcome === undefined) throw unableToUpgrade();
    if ("discard" in outcome) return outcome;
    this.#connection = outcome;
    return new UpgradedResponse(outcome);
  };

  /**
   * The connection.
   *
   * @param response What came of the request, which is no error.
   * @throws {ConnectionError} if the server did not change the protocol.
   */
  async take(response: TransportResponse, request: OutgoingRequest): Promise<Upgraded> {
    if (this.#connection !== undefined) return this.#connection;
    await response.discard();
    throw new ConnectionError(
      `Cannot ${describe(request)}: the server does not change the protocol, it answered with ${response.status}`,
    );
  }
}

function unableToUpgrade(): ConfigError {
  return new ConfigError(
    "Cannot stream into pods: this runtime does not by itself; pass connect() the option connect, such as (address, options) => env.API.connect(address, options) of a bound service, or at least its fetch as the option fetch",
  );
}

/** A connection, for those who know responses alone. It ends with the connection. */
class UpgradedResponse implements TransportResponse {
  readonly status = 101;
  readonly #connection: Upgraded;

  constructor(connection: Upgraded) {
    this.#connection = connection;
  }

  header(name: string): string | null {
    return this.#connection.header(name);
  }

  onEnd(listener: () => void): void {
    void this.#connection.closed.then(listener);
  }

  async text(): Promise<string> {
    return "";
  }

  async discard(): Promise<void> {
    this.#connection.abort(new ConnectionError("Cannot continue: the connection was given up"));
  }

  toResponse(): Response {
    throw new TypeError("Cannot make a Response of an upgraded connection");
  }
}
