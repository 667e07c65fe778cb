/** How most programs do it: the CA is read once, when the program starts. */

import { readFile } from "node:fs/promises";
import process from "node:process";
import { Agent, fetch } from "undici";
import { loop } from "./loop.ts";

const [, , root, server, token] = process.argv;
const ca = await readFile(`${root}/ca.crt`, "utf8");
const dispatcher = new Agent({ connect: { ca } });

await loop(async () => {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${server}/version`, { dispatcher, headers });
  await response.json();
});
