/**
 * A runtime that acts in the middle of an operation: at a chosen step of its connections and its local files.
 *
 * Each call of a connection or of a file has two steps: while it runs, and once it has ended.
 *
 * @module
 */

import type {
  LocalSystem,
  Runtime,
  Transport,
  Upgraded,
  UpgradedConnection,
} from "../../../src/runtime.ts";

/** Counts the steps of an operation, and acts at one of them. */
export class Steps {
  readonly #at: number;
  readonly #act: () => void | Promise<void>;
  #count = 0;
  #acting: Promise<void> | undefined;

  /**
   * @param at The number of the step; they begin at 1.
   * @param act What happens at that step. The step takes as long as this does.
   */
  constructor(at: number, act: () => void | Promise<void>) {
    this.#at = at;
    this.#act = act;
  }

  /** Whether the step was reached. */
  get hasActed(): boolean {
    return this.#acting !== undefined;
  }

  /** Resolves when it has acted, or at once if it has not begun to. */
  async settled(): Promise<void> {
    await this.#acting;
  }

  /** Runs a call with its steps. */
  async around<T>(call: () => Promise<T>): Promise<T> {
    const running = call();
    running.catch(() => {}); // Whoever awaits it below learns that.
    await this.#next();
    const result = await running;
    await this.#next();
    return result;
  }

  async #next(): Promise<void> {
    this.#count += 1;
    if (this.#count !== this.#at) return;
    this.#acting = (async () => await this.#act())();
    await this.#acting;
  }
}

/** A runtime whose upgraded connections and local files take the steps. */
export function stepping(runtime: Runtime, steps: Steps): Runtime {
  const { local } = runtime;
  return {
    ...runtime,
    openTransport: (snapshot, options) =>
      steppingTransport(runtime.openTransport(snapshot, options), steps),
    ...(local && { local: async () => steppingLocal(await local(), steps) }),
  };
}

function steppingTransport(transport: Transport, steps: Steps): Transport {
  return {
    send: async (url, request) => await transport.send(url, request),
    probe: async (url, signal) => await transport.probe?.(url, signal),
    retire: async () => await transport.retire(),
    async upgrade(url, request) {
      const outcome = await steps.around(async () => {
        const upgraded = await transport.upgrade?.(url, request);
        if (upgraded === undefined) throw new Error("Cannot test streams: there are none");
        return upgraded;
      });
      return isByteStream(outcome) ? steppingConnection(outcome, steps) : outcome;
    },
  };
}

function isByteStream(outcome: Upgraded | object): outcome is UpgradedConnection {
  return "read" in outcome;
}

function steppingConnection(connection: UpgradedConnection, steps: Steps): UpgradedConnection {
  return {
    closed: connection.closed,
    header: (name) => connection.header(name),
    read: async () => await steps.around(async () => await connection.read()),
    write: async (bytes) => await steps.around(async () => await connection.write(bytes)),
    end: () => connection.end(),
    abort: (reason) => connection.abort(reason),
  };
}

function steppingLocal(local: LocalSystem, steps: Steps): LocalSystem {
  return {
    hasWindowsPaths: local.hasWindowsPaths,
    listen: async (address, handlers) =>
      await steps.around(async () => await local.listen(address, handlers)),
    async *readTree(path) {
      const entries = local.readTree(path)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const { done, value } = await steps.around(async () => await entries.next());
          if (done === true) return;
          yield { ...value, open: () => steppingFile(value.open(), steps) };
        }
      } finally {
        await entries.return?.();
      }
    },
    createFolder: async (root, parts) =>
      await steps.around(async () => await local.createFolder(root, parts)),
    createFile: async (root, parts, file) =>
      await steps.around(async () => await local.createFile(root, parts, file)),
  };
}

function steppingFile(
  file: ReadableStream<Uint8Array<ArrayBuffer>>,
  steps: Steps,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = file.getReader();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await steps.around(async () => await reader.read());
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async (reason) => await reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
