/**
 * A client's certificate and key in two files.
 *
 * @module
 */

import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { IssuedCertificate } from "../../support/pki.ts";

/** Where they are. */
export interface PairFiles {
  readonly certificate: string;
  readonly key: string;
  /** Puts another pair in their place. */
  write(pair: IssuedCertificate): Promise<void>;
}

/** Writes a pair into a folder that is removed when the test ends. */
export async function createPairFiles(pair: IssuedCertificate): Promise<PairFiles> {
  const folder = await mkdtemp(join(tmpdir(), "reanchor-pair-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const files = { certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") };

  async function write({ cert, key }: IssuedCertificate): Promise<void> {
    await writeFile(`${files.certificate}.new`, cert);
    await writeFile(`${files.key}.new`, key);
    await rename(`${files.certificate}.new`, files.certificate);
    await rename(`${files.key}.new`, files.key);
  }

  await write(pair);
  return { ...files, write };
}
