/**
 * A client's certificate and key in two paths.
 *
 * @module
 */

import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { IssuedCertificate } from "../../support/pki.ts";
import { createFolder } from "../../support/temporary-folder.ts";

/** Where they are. */
export interface PairFiles {
  readonly paths: { readonly certificate: string; readonly key: string };
  /** Puts another pair in their place. */
  write(pair: IssuedCertificate): Promise<void>;
}

/** Writes a pair into a folder that is removed when the test ends. */
export async function createPairFiles(pair: IssuedCertificate): Promise<PairFiles> {
  const folder = await createFolder();
  const paths = { certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") };

  async function write({ cert, key }: IssuedCertificate): Promise<void> {
    await writeFile(`${paths.certificate}.new`, cert);
    await writeFile(`${paths.key}.new`, key);
    await rename(`${paths.certificate}.new`, paths.certificate);
    await rename(`${paths.key}.new`, paths.key);
  }

  await write(pair);
  return { paths, write };
}
