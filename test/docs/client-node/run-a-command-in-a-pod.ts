import { Exec, KubeConfig, type V1Status } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const { stdout, stderr } = process;
const check = ({ status }: V1Status) => void (status === "Success" || process.exit(1));
const command = ["node", "--version"];
await new Exec(config).exec("default", "web", "main", command, stdout, stderr, null, false, check);
