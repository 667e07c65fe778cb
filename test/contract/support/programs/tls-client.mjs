/**
 * One TLS connection by Node's own client, whichever runtime the tests run in: it can say whether the server has
 * resumed a session.
 *
 * @module
 */

import { connect } from "node:tls";

const { port, version, cert, key, session } = JSON.parse(process.argv[2]);
let received = "";
let fresh;
const socket = connect({
  host: "127.0.0.1",
  port,
  cert,
  key,
  minVersion: version,
  maxVersion: version,
  rejectUnauthorized: false,
  ...(session && { session: Buffer.from(session, "base64") }),
});
socket.on("session", (saved) => {
  fresh = saved.toString("base64");
});
socket.on("data", (chunk) => {
  received += chunk;
});
socket.on("error", () => {});
socket.on("close", () => {
  console.log(JSON.stringify({ received, session: fresh }));
});
