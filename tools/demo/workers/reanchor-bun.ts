/** reanchor on Bun. */

import { connect, inCluster } from "../../../runtimes/bun.ts";
import { run } from "./reanchor.ts";

await run({ connect, inCluster });
