/** reanchor on Deno. */

import { connect, inCluster } from "../../../runtimes/deno.ts";
import { run } from "./reanchor.ts";

await run({ connect, inCluster });
