import process from "node:process";
import * as entry from "../../../runtimes/bun.ts";
import { run } from "./reanchor.ts";

await run(entry, process.argv[2]);
