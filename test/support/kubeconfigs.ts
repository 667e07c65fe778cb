/**
 * Kubeconfigs as various tools write them, with placeholders for data.
 *
 * @module
 */

/** The placeholder for a CA bundle. */
export const caText: string =
  "-----BEGIN CERTIFICATE-----\nca placeholder\n-----END CERTIFICATE-----\n";
/** The placeholder for a client certificate. */
export const certificateText: string =
  "-----BEGIN CERTIFICATE-----\nclient placeholder\n-----END CERTIFICATE-----\n";
/** The placeholder for a client's key. */
export const keyText: string =
  "-----BEGIN PRIVATE KEY-----\nkey placeholder\n-----END PRIVATE KEY-----\n";

const caData = btoa(caText);
const certificateData = btoa(certificateText);
const keyData = btoa(keyText);

/** As `kind create cluster` writes it: everything inline, with a client certificate. */
export const kind: string = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${caData}
    server: https://127.0.0.1:41231
  name: kind-dev
contexts:
- context:
    cluster: kind-dev
    user: kind-dev
  name: kind-dev
current-context: kind-dev
kind: Config
preferences: {}
users:
- name: kind-dev
  user:
    client-certificate-data: ${certificateData}
    client-key-data: ${keyData}
`;

/** As k3s writes `/etc/rancher/k3s/k3s.yaml`: everything is called `default`. */
export const k3s: string = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${caData}
    server: https://127.0.0.1:6443
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
users:
- name: default
  user:
    client-certificate-data: ${certificateData}
    client-key-data: ${keyData}
`;

const eksName = "arn:aws:eks:eu-central-1:111122223333:cluster/shop";

/** As `aws eks update-kubeconfig` writes it: v1beta1, and null for no environment. */
export const eks: string = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${caData}
    server: https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com
  name: ${eksName}
contexts:
- context:
    cluster: ${eksName}
    user: ${eksName}
  name: ${eksName}
current-context: ${eksName}
kind: Config
preferences: {}
users:
- name: ${eksName}
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - --region
      - eu-central-1
      - eks
      - get-token
      - --cluster-name
      - shop
      - --output
      - json
      command: aws
      env: null
`;

/** As `gcloud container clusters get-credentials` writes it. */
export const gke: string = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${caData}
    server: https://203.0.113.7
  name: gke_shop_europe-west3_main
contexts:
- context:
    cluster: gke_shop_europe-west3_main
    user: gke_shop_europe-west3_main
  name: gke_shop_europe-west3_main
current-context: gke_shop_europe-west3_main
kind: Config
preferences: {}
users:
- name: gke_shop_europe-west3_main
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: gke-gcloud-auth-plugin
      installHint: Install gke-gcloud-auth-plugin for use with kubectl by following
        https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl#install_plugin
      provideClusterInfo: true
`;

/** As `az aks get-credentials` and `kubelogin convert-kubeconfig` write it. */
export const aks: string = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${caData}
    server: https://shop-dns-1a2b3c4d.hcp.westeurope.azmk8s.io:443
  name: shop
contexts:
- context:
    cluster: shop
    user: clusterUser_group_shop
  name: shop
current-context: shop
kind: Config
preferences: {}
users:
- name: clusterUser_group_shop
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - get-token
      - --environment
      - AzurePublicCloud
      - --server-id
      - 00000000-0000-0000-0000-000000000000
      - --login
      - azurecli
      command: kubelogin
      env: null
      installHint: |2

        kubelogin is not installed which is required to connect to AAD enabled cluster.

        To learn more, please go to https://aka.ms/aks/kubelogin
      provideClusterInfo: false
`;

/** As `oc login` writes it: names with slashes, a namespace for each context, a token. */
export const openshift: string = `apiVersion: v1
clusters:
- cluster:
    insecure-skip-tls-verify: true
    server: https://api.shop.example.com:6443
  name: api-shop-example-com:6443
contexts:
- context:
    cluster: api-shop-example-com:6443
    namespace: payments
    user: alice/api-shop-example-com:6443
  name: payments/api-shop-example-com:6443/alice
current-context: payments/api-shop-example-com:6443/alice
kind: Config
preferences: {}
users:
- name: alice/api-shop-example-com:6443
  user:
    token: sha256~placeholder
`;

/** As minikube writes it: with files beside it, and with its own extensions. */
export const minikube: string = `apiVersion: v1
clusters:
- cluster:
    certificate-authority: ../.minikube/ca.crt
    extensions:
    - extension:
        provider: minikube.sigs.k8s.io
        version: v1.36.0
      name: cluster_info
    server: https://192.168.49.2:8443
  name: minikube
contexts:
- context:
    cluster: minikube
    extensions:
    - extension:
        version: v1.36.0
      name: context_info
    namespace: default
    user: minikube
  name: minikube
current-context: minikube
kind: Config
preferences: {}
users:
- name: minikube
  user:
    client-certificate: ../.minikube/profiles/minikube/client.crt
    client-key: ../.minikube/profiles/minikube/client.key
`;
