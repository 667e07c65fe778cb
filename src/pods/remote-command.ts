/**
 * A command in a container, over the channels of `v5.channel.k8s.io` and `v4.channel.k8s.io`
 * (kubernetes `apimachinery/pkg/util/remotecommand`).
 *
 * One loop reads the connection. It waits while the reader of stdout or stderr does, so memory is bounded and
 * a slow reader slows the command down.
 *
 * @module
 */

import { refusal } from "../api/apply-conflict.ts";
import type { Status } from "../api/api-error.ts";
import { ConnectionError } from "../errors.ts";
import type { Clock, MessageSocket } from "../runtime.ts";
import { Output } from "./output-stream.ts";

/** The subprotocols, the preferred one first. */
export const commandProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
const CLOSE = 255;

/** The size of the messages that stdin is sent in. */
const PIECE_BYTES = 32 * 1024;
/** More than any status has. */
const MAX_STATUS_BYTES = 1024 * 1024;

/** Stdin can't be ended, so a command that reads to its end would wait for ever. */
export class EndlessStdinError extends ConnectionError {}

/** The size of a terminal, in characters. */
export interface TerminalSize {
  /** Its width. */
  columns: number;
  /** Its height. */
  rows: number;
}

/** How a command ended. */
export interface ExitStatus {
  /** Its exit code; 0 if it succeeded. */
  readonly code: number;
}

/** A command that runs in a container. */
export interface RemoteCommand extends AsyncDisposable {
  /**
   * The command's standard input, if it was asked for. Closing it ends the command's input; aborting it ends
   * the connection.
   */
  readonly stdin: WritableStream<Uint8Array>;
  /** The command's standard output; empty if it was not asked for. It has to be read. */
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The command's standard error; empty if it was not asked for, and with a terminal. It has to be read. */
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * Resolves when the command has ended, after all of its output.
   *
   * Rejects with an `ApiError` if it could not be run, and with a `ConnectionError` if the connection ended
   * without a status: then the command may still run.
   */
  readonly exit: Promise<ExitStatus>;
  /** Tells the command the size of its terminal. */
  resize(size: TerminalSize): Promise<void>;
  /** Closes the connection. A command that reads or writes ends by that, any other runs on. */
  close(): Promise<void>;
}

/** What a command is connected by. */
export interface RemoteCommandParts {
  readonly socket: MessageSocket;
  /** The subprotocol that the server chose. */
  readonly protocol: string;
  readonly clock: Clock;
  /** The URL's path, for messages. */
  readonly path: string;
  /** Aborted when the command is given up, by its caller, the client or a drain. */
  readonly signal: AbortSignal;
  /** Which streams were asked for. */
  readonly streams: { readonly [Name in "stdin" | "stdout" | "stderr" | "tty"]: boolean };
}

/** Follows a command from its start to its end. */
export function runCommand(parts: RemoteCommandParts): RemoteCommand {
  return new Session(parts);
}

class Session implements RemoteCommand {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #parts: RemoteCommandParts;
  readonly #outputs: readonly [stdout: Output, stderr: Output];
  readonly #exit: Promise<ExitStatus>;
  #stdin: WritableStreamDefaultController | undefined;
  /** Whether anybody has asked how it ends. */
  #isExitWanted = false;

  constructor(parts: RemoteCommandParts) {
    this.#parts = parts;
    const { streams, clock } = parts;
    const outputOf = (name: "stdout" | "stderr"): Output => {
      const output: Output = new Output({
        clock,
        isWaitedFor: () => !output.stream.locked && this.#isWaitedFor,
        stalled: () =>
          new ConnectionError(
            `Cannot ${this.#what}: nobody reads ${name}; read it, cancel it, or do not ask for it`,
          ),
      });
      if (!streams[name]) output.close();
      return output;
    };
    this.#outputs = [outputOf("stdout"), outputOf("stderr")];
    this.stdout = this.#outputs[0].stream;
    this.stderr = this.#outputs[1].stream;
    this.stdin = new WritableStream(
      {
        start: (controller) => {
          this.#stdin = controller;
        },
        write: async (chunk) => await this.#writeStdin(chunk),
        close: async () => await this.#closeStdin(),
        abort: (reason) => this.#giveUp(reason),
      },
      { highWaterMark: PIECE_BYTES, size: (chunk) => chunk.byteLength },
    );
    const onAbort = (): void => this.#giveUp(parts.signal.reason);
    parts.signal.addEventListener("abort", onAbort, { once: true });
    if (parts.signal.aborted) onAbort();
    this.#exit = this.#run().finally(() => parts.signal.removeEventListener("abort", onAbort));
    // Whoever wants to know asks for it.
    this.#exit.catch(() => {});
  }

  get exit(): Promise<ExitStatus> {
    this.#isExitWanted = true;
    return this.#exit;
  }

  async resize({ columns, rows }: TerminalSize): Promise<void> {
    if (!this.#parts.streams.tty) {
      throw new TypeError("Cannot resize: the command has no terminal; use the option tty");
    }
    for (const [name, value] of Object.entries({ columns, rows })) {
      if (Number.isInteger(value) && value >= 0 && value < 65_536) continue;
      throw new RangeError(`Cannot resize: ${name} is no number of characters`);
    }
    const size = JSON.stringify({ Width: columns, Height: rows });
    await this.#send(RESIZE, new TextEncoder().encode(size));
  }

  async close(): Promise<void> {
    this.#giveUp(new ConnectionError(`Cannot ${this.#what}: it was closed`));
    await this.#exit.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #isWaitedFor(): boolean {
    return this.#isExitWanted || this.#outputs.some(({ isWanted }) => isWanted);
  }

  get #what(): string {
    return `follow the command at ${this.#parts.path}`;
  }

  async #run(): Promise<ExitStatus> {
    try {
      const status = await this.#receiveAll();
      for (const output of this.#outputs) output.close();
      this.#endStdin(new ConnectionError("Cannot write to stdin: the command has ended"));
      return status;
    } catch (error) {
      this.#giveUp(error);
      throw error;
    }
  }

  /** Ends the connection, and with it whatever waits for it or for a reader. */
  #giveUp(reason: unknown): void {
    this.#parts.socket.abort(reason);
    for (const output of this.#outputs) output.fail(reason);
    this.#endStdin(reason);
  }

  /** Reads to the end of the connection. The last word is the status, by the protocol and here. */
  async #receiveAll(): Promise<ExitStatus> {
    const { socket } = this.#parts;
    const status = new StatusText();
    for (;;) {
      const message = await socket.receive().catch((error: unknown) => {
        if (!status.isWhole) throw error;
        // Some servers cut the connection once they have said how it ended. A write may still wait for it.
        socket.abort(error);
        return undefined;
      });
      if (message === undefined) break;
      const [channel] = message;
      const data = message.subarray(1);
      if (channel === ERROR) status.add(data);
      else if (channel === STDOUT) await this.#outputs[0].deliver(data);
      else if (channel === STDERR) await this.#outputs[1].deliver(data);
      else if (channel !== CLOSE && data.length > 0) {
        throw new ConnectionError(
          `Cannot ${this.#what}: it writes to the unknown channel ${channel}`,
        );
      }
    }
    return this.#exitStatus(status.text);
  }

  #exitStatus(text: string): ExitStatus {
    let status: Partial<Status> | undefined;
    try {
      status = text === "" ? undefined : (JSON.parse(text) as Partial<Status>);
    } catch {
      throw new ConnectionError(`Cannot ${this.#what}: the status at its end is not JSON`);
    }
    if (typeof status !== "object" || status === null) {
      const reason = "the connection ended without an exit status; the command may still run";
      throw new ConnectionError(`Cannot ${this.#what}: ${reason}`);
    }
    if (status.status === "Success") return { code: 0 };
    const causes = status.details?.causes;
    const code = causes?.find?.((cause) => cause?.reason === "ExitCode")?.message;
    if (status.reason === "NonZeroExitCode" && code !== undefined && /^[1-9]\d{0,9}$/.test(code)) {
      return { code: Number(code) };
    }
    const { path } = this.#parts;
    throw refusal({ method: "GET", path, status: status.code ?? 500, body: text });
  }

  async #writeStdin(chunk: Uint8Array): Promise<void> {
    if (!this.#parts.streams.stdin) {
      throw new TypeError('Cannot write to stdin: it was not asked for; use stdin: "pipe"');
    }
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      await this.#send(STDIN, chunk.subarray(at, at + PIECE_BYTES));
    }
  }

  async #closeStdin(): Promise<void> {
    const { protocol, streams } = this.#parts;
    if (!streams.stdin) return;
    if (protocol !== commandProtocols[0]) {
      throw new EndlessStdinError(
        `Cannot end stdin: the API server speaks ${protocol}, in which stdin has no end; that takes Kubernetes 1.30 or later`,
      );
    }
    await this.#send(CLOSE, Uint8Array.of(STDIN));
  }

  async #send(channel: number, data: Uint8Array): Promise<void> {
    await this.#parts.socket.send(Uint8Array.of(channel), data);
  }

  /** A writer that is still at it learns that there is no reader. */
  #endStdin(reason: unknown): void {
    this.#stdin?.error(reason);
  }
}

/** The status, which may come in several messages. */
class StatusText {
  readonly #decoder = new TextDecoder();
  #size = 0;
  text = "";

  /** Whether what has come is a whole status. */
  get isWhole(): boolean {
    try {
      return typeof JSON.parse(this.text) === "object";
    } catch {
      return false;
    }
  }

  add(data: Uint8Array): void {
    this.#size += data.length;
    if (this.#size > MAX_STATUS_BYTES) {
      throw new ConnectionError(
        `Cannot read an exit status of more than ${MAX_STATUS_BYTES} bytes`,
      );
    }
    this.text += this.#decoder.decode(data, { stream: true });
  }
}
