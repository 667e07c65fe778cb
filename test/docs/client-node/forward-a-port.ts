import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { KubeConfig, PortForward } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const forward = new PortForward(config);
const server = createServer((socket) => {
  forward.portForward("default", "web", [8080], socket, null, socket).catch(console.error);
});
await once(server.listen(0, "127.0.0.1"), "listening");
const { port } = server.address() as AddressInfo;
console.log(await (await fetch(`http://127.0.0.1:${port}/`)).text());
server.close();
