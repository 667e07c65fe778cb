import { AuthenticationV1Api, AuthorizationV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const authorization = config.makeApiClient(AuthorizationV1Api);
const resourceAttributes = { namespace: "default", verb: "delete", resource: "pods" };
const body = { spec: { resourceAttributes } };
console.log((await authorization.createSelfSubjectAccessReview({ body })).status?.allowed);
const authentication = config.makeApiClient(AuthenticationV1Api);
const { status } = await authentication.createSelfSubjectReview({ body: {} });
console.log(status?.userInfo?.username, status?.userInfo?.groups);
