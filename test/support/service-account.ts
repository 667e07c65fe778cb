/**
 * A service account in its own namespace, and its volume as the kubelet lays it out.
 *
 * @module
 */

import { type Cluster, eventually } from "./cluster.ts";
import { type ProjectedVolume, createProjectedVolume } from "./projected-volume.ts";

/** The shortest lifetime that the TokenRequest API allows: ten minutes, in seconds. */
export const SHORTEST_TOKEN_SECONDS = 600;

/** An account with all rights for some resources of its namespace, and no others. */
export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
  /** The path of the namespace's ConfigMaps. */
  readonly configMaps: string;
  /** Its CA bundle, token and namespace. */
  readonly volume: ProjectedVolume;
  /** A token with the shortest lifetime that the API grants. */
  issueToken(): Promise<string>;
  /** A token that expires at the given time, however soon. */
  signToken(expiresAt: Date): Promise<string>;
  /** Waits until the server rejects a token, up to a limit in milliseconds. @default 20_000 */
  refused(token: string, limitMs?: number): Promise<void>;
  /**
   * Puts another token into the volume, invalidates the previous one, and waits until the server rejects it.
   */
  rotateToken(): Promise<void>;
  /** Deletes the account, and waits until the server rejects its token. */
  revoke(): Promise<void>;
}

interface Created {
  readonly metadata: { readonly name: string; readonly uid: string };
}

interface BoundToken {
  readonly token: string;
  /** The path of the Secret that the token is bound to. */
  readonly boundTo: string;
}

const NAME = "program";
const RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces";
const RBAC_GROUP = "rbac.authorization.k8s.io";

/**
 * Creates a namespace, an account and its rights, and waits until the rights are in effect.
 *
 * @param resources what it has rights to beside ConfigMaps, as in `pods/log`
 */
export async function createServiceAccount(
  cluster: Cluster,
  resources: readonly string[] = [],
): Promise<ServiceAccount> {
  const { metadata } = (await cluster.admin("POST", "/api/v1/namespaces", {
    metadata: { generateName: "e2e-" },
  })) as Created;
  const namespace = metadata.name;
  const core = `/api/v1/namespaces/${namespace}`;
  const account = `${core}/serviceaccounts/${NAME}`;
  const configMaps = `${core}/configmaps`;
  const created = (await cluster.admin("POST", `${core}/serviceaccounts`, {
    metadata: { name: NAME },
  })) as Created;
  const { uid } = created.metadata;
  await cluster.admin("POST", `${RBAC}/${namespace}/roles`, {
    metadata: { name: NAME },
    rules: [{ apiGroups: ["", "apps"], resources: ["configmaps", ...resources], verbs: ["*"] }],
  });
  await cluster.admin("POST", `${RBAC}/${namespace}/rolebindings`, {
    metadata: { name: NAME },
    roleRef: { apiGroup: RBAC_GROUP, kind: "Role", name: NAME },
    subjects: [{ kind: "ServiceAccount", name: NAME, namespace }],
  });

  async function requestToken(): Promise<BoundToken> {
    const secret = (await cluster.admin("POST", `${core}/secrets`, {
      metadata: { generateName: "bound-" },
    })) as Created;
    const { name, uid: secretUid } = secret.metadata;
    const { status } = (await cluster.admin("POST", `${account}/token`, {
      spec: {
        expirationSeconds: SHORTEST_TOKEN_SECONDS,
        boundObjectRef: { apiVersion: "v1", kind: "Secret", name, uid: secretUid },
      },
    })) as { status: { token: string } };
    return { token: status.token, boundTo: `${core}/secrets/${name}` };
  }

  async function answers(token: string, status: number, limitMs?: number): Promise<void> {
    // The server caches its result for a token for ten seconds.
    const holds = async (): Promise<boolean> =>
      (await cluster.ask(`${configMaps}?limit=1`, token)).status === status;
    await eventually(`its token is answered with ${status}`, holds, limitMs);
  }

  let current = await requestToken();
  await answers(current.token, 200);
  const volume = await createProjectedVolume({
    ca: await cluster.servingCa(),
    token: current.token,
    namespace,
  });

  return {
    namespace,
    name: NAME,
    configMaps,
    volume,
    issueToken: async () => (await requestToken()).token,
    signToken: (expiresAt) => cluster.signToken({ namespace, name: NAME, uid, expiresAt }),
    refused: (token, limitMs) => answers(token, 401, limitMs),
    async rotateToken() {
      const before = current;
      current = await requestToken();
      await volume.write({ token: current.token });
      await cluster.admin("DELETE", before.boundTo);
      await answers(before.token, 401);
    },
    async revoke() {
      await cluster.admin("DELETE", account);
      await answers(current.token, 401);
    },
  };
}
