import { createReadStream } from "node:fs";
import { Cp, Exec, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const [command, input] = [["tee", "/tmp/settings.json"], createReadStream("settings.json")];
await new Exec(config).exec("default", "web", "main", command, null, null, input, false);
// It ignores how the commands end.
await new Cp(config).cpFromPod("default", "web", "main", "report.csv", ".", "/tmp/");
