/**
 * Programs that may be installed on this machine. If so, a test uses them in addition to its stand-ins.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { onTestFinished } from "vitest";
import type { IssuedCertificate } from "../../../support/pki.ts";

/** The user that a program runs as, and a folder of that user. */
export interface Workplace {
  readonly folder: string;
  readonly user: { readonly uid?: number; readonly gid?: number };
  /** Writes a certificate and its key into the folder. */
  write(issued: IssuedCertificate): void;
}

/** Finds a program in the places where it may be installed. */
export function findProgram(...places: readonly string[]): string | undefined {
  return places
    .flatMap((place) => globSync(place))
    .toSorted()
    .findLast((path) => existsSync(path));
}

/** The user for a server that refuses to run as root; `undefined` if there is none. */
export function unprivileged(name: string): Workplace["user"] | undefined {
  if (process.getuid?.() !== 0) return {};
  try {
    const id = (what: string): number =>
      Number(execFileSync("id", [what, name], { stdio: "pipe" }));
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined;
  }
}

/** Creates a folder for a server, which is removed when the test ends. */
export function createWorkplace(user: Workplace["user"]): Workplace {
  const folder = mkdtempSync(join(tmpdir(), "reanchor-driver-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const own = (path: string): void => {
    if (user.uid !== undefined && user.gid !== undefined) chownSync(path, user.uid, user.gid);
  };
  own(folder);
  return {
    folder,
    user,
    write({ cert, key }) {
      for (const [name, text] of [
        ["tls.crt", cert],
        ["tls.key", key],
      ] as const) {
        const path = join(folder, name);
        rmSync(path, { force: true });
        writeFileSync(path, text);
        chmodSync(path, 0o600);
        own(path);
      }
    },
  };
}

/** A port of 127.0.0.1 on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const closed = once(server, "close");
  server.close();
  await closed;
  return port;
}
