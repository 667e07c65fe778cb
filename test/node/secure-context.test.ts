import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const TLS_1_2 = 0x0303;
const TLS_1_3 = 0x0304;

test.each([
  ["--tls-min-v1.0", TLS_1_2],
  ["--tls-min-v1.1", TLS_1_2],
  ["--tls-min-v1.2", TLS_1_2],
  ["--tls-min-v1.3", TLS_1_3],
])("openSecureContext() never uses TLS below 1.2 with %s", async (flag, least) => {
  const url = new URL("../../runtimes/node/secure-context.ts", import.meta.url);
  const program = `
    const { openSecureContext } = await import(${JSON.stringify(url.href)});
    console.log(openSecureContext(undefined, undefined).context.getMinProto());
  `;
  const args = [flag, "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(Number(stdout)).toBe(least);
});
