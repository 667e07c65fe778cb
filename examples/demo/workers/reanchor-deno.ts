import process from "node:process";
import * as entry from "../../../runtimes/deno.ts";
import { run } from "./reanchor.ts";

await run(entry, process.argv[2]);
