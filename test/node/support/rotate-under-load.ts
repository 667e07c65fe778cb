/**
 * Ten rotations under load: five in which the bundle contains both CAs for a while, and five without such an
 * overlap.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { createVolume, until } from "../../contract/support/scene.ts";
import { type IssuedCertificate, type TestCa, createCa } from "../../support/pki.ts";

const ROTATIONS = 10;
const LOOPS = 8;

/** A server whose certificate is replaced while it runs. */
export interface RotatingServer {
  swap(issued: IssuedCertificate): Promise<unknown>;
  /** Resolves when the connections are gone. */
  dropConnections(): Promise<unknown>;
}

/** A client that sends. */
export interface LoadedClient {
  /** Sends a text, and resolves to the server's echo. */
  send(text: string): Promise<string>;
  /**
   * Called before connections are dropped. Resolves when the client has noticed. Without it, the client
   * notices in time.
   */
  disconnected?(): Promise<unknown>;
}

/** The client and server that go through the rotations. */
export interface Load {
  readonly ca: TestCa;
  readonly server: RotatingServer;
  /** Whether it reconnects by itself from time to time. If not, each rotation drops its connections. */
  readonly renewsConnections?: boolean;
  /** Makes a client that trusts the bundle in a file. */
  open(caFile: string): Promise<LoadedClient>;
}

/** Moves a server and a bundle through rotations while loops send, and resolves to the failures. */
export async function rotateUnderLoad({
  ca: first,
  server,
  renewsConnections = true,
  open,
}: Load): Promise<unknown[]> {
  let ca = first;
  const volume = await createVolume({ ca: ca.pem });
  const client = await open(volume.caFile);
  const failures: unknown[] = [];
  let done = 0;
  let running = true;
  let gate = Promise.withResolvers<void>();
  let inFlight = 0;
  gate.resolve();
  const loops = Array.from({ length: LOOPS }, async (_, loop) => {
    for (let number = 0; running; number += 1) {
      await gate.promise;
      inFlight += 1;
      const text = `payload ${loop}.${number}`;
      try {
        expect(await client.send(text)).toContain(text);
      } catch (error) {
        failures.push(error);
      }
      inFlight -= 1;
      done += 1;
      // A loop that fails at once must not starve the others.
      await setImmediate();
    }
  });
  async function more(): Promise<void> {
    const goal = done + 2 * LOOPS;
    await until("more requests are done", () => done >= goal);
  }
  /** Rotates while nothing is in flight, and drops every connection. */
  async function swapAndDrop(issued: IssuedCertificate, bundle: string): Promise<void> {
    gate = Promise.withResolvers();
    await until("nothing is in flight", () => inFlight === 0);
    await volume.write({ ca: bundle });
    await server.swap(issued);
    const disconnected = client.disconnected?.();
    await server.dropConnections();
    await disconnected;
    gate.resolve();
  }
  for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
    const successor = await createCa();
    const issued = await successor.issue();
    await more();
    if (rotation % 2 === 0) {
      const both = ca.pem + successor.pem;
      await volume.write({ ca: both });
      await more();
      if (renewsConnections) await server.swap(issued);
      else await swapAndDrop(issued, both);
      await more();
      await volume.write({ ca: successor.pem });
    } else {
      await swapAndDrop(issued, successor.pem);
    }
    ca = successor;
  }
  await more();
  running = false;
  await Promise.all(loops);
  return failures;
}
