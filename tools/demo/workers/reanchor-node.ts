/** reanchor on Node. */

import { connect, inCluster } from "../../../runtimes/node.ts";
import { run } from "./reanchor.ts";

await run({ connect, inCluster });
