import * as entry from "../../../runtimes/deno.ts";
import { run } from "./reanchor.ts";

await run(entry, Deno.args[0]);
