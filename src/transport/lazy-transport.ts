/**
 * A transport whose code is loaded when its first request goes out.
 *
 * @module
 */

import type { Transport, TransportRequest, TransportResponse } from "../runtime.ts";

/** See the module. */
export function openLazily(load: () => Promise<Omit<Transport, "upgrade">>): SendingPart {
  const transport = new LazyTransport(load);
  return {
    send: (url, request) => transport.send(url, request),
    retire: () => transport.retire(),
  };
}

type SendingPart = Pick<Transport, "retire" | "send">;

class LazyTransport implements SendingPart {
  readonly #load: () => Promise<Omit<Transport, "upgrade">>;
  #loading: Promise<Omit<Transport, "upgrade">> | undefined;
  #loaded: Omit<Transport, "upgrade"> | undefined;
  #isRetired = false;

  constructor(load: () => Promise<Omit<Transport, "upgrade">>) {
    this.#load = load;
  }

  send(url: string, request: TransportRequest): Promise<TransportResponse> {
    return this.#loaded === undefined
      ? this.#sendLater(url, request)
      : this.#loaded.send(url, request);
  }

  async retire(): Promise<void> {
    this.#isRetired = true;
    await (await this.#loading)?.retire();
  }

  async #sendLater(url: string, request: TransportRequest): Promise<TransportResponse> {
    this.#loading ??= this.#load();
    const loaded = await this.#loading;
    this.#loaded = loaded;
    const sent = loaded.send(url, request);
    // Retired before this request was here: the connection that it opens closes with it.
    if (this.#isRetired) loaded.retire().catch(() => {});
    return await sent;
  }
}
