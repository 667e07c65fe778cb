/**
 * Writes the table of chains as JSON, for `verifier/main.go` to judge:
 *
 * ```sh
 * cd test/support/chains/verifier
 * node ../main.ts | go run . > ../verdicts.json
 * ```
 *
 * @module
 */

import process from "node:process";
import { chainTable } from "./table.ts";

process.stdout.write(JSON.stringify(chainTable()));
