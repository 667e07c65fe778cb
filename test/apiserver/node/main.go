// Command node is a stand-in for a node of a cluster, for the end-to-end tests of what streams into pods.
//
// It registers a Node with the API server and serves a kubelet's API: exec, attach, port-forward and logs, with
// the libraries that the kubelet and containerd use for them. There are no images and no isolation: a container
// is a local program in a folder of its own, and localhost in a pod is this machine's.
//
// Once it is registered it prints one line of JSON, with the port of its control API: POST /rotate-logs rotates
// the log of each running container, DELETE / cuts all connections. It ends when its standard input does, and so
// with its parent. Its programs end with it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/version"
)

// webSocketsFeature tells the API server that it may pass WebSockets to this kubelet. Without it, the API server
// translates them to SPDY, as it does for kubelets before 1.36.
const webSocketsFeature = "ExtendWebSocketsToKubelet"

type options struct {
	server, cert, key, clientCA string
	name, dir                   string
	webSockets                  bool
}

// node runs the pods that are bound to it.
type node struct {
	options
	client kubernetes.Interface
	pods   *podTable
}

func main() {
	var o options
	flag.StringVar(&o.server, "server", "", "the API server, as https://127.0.0.1:6443")
	flag.StringVar(&o.cert, "cert", "", "the file of an administrator's certificate")
	flag.StringVar(&o.key, "key", "", "the file of its private key")
	flag.StringVar(&o.clientCA, "client-ca", "", "the file of the authority that vouches for the API server as a client")
	flag.StringVar(&o.name, "name", "", "the name of the Node")
	flag.StringVar(&o.dir, "dir", "", "where logs and the folders of containers are")
	flag.BoolVar(&o.webSockets, "websockets", false, "whether the API server passes WebSockets on instead of translating them")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		// The end comes when the parent ends, however it ends.
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()

	client, err := kubernetes.NewForConfig(&rest.Config{
		Host: o.server,
		// The tests rotate the server's authority. It is on loopback, and a client certificate gives nothing away.
		TLSClientConfig: rest.TLSClientConfig{Insecure: true, CertFile: o.cert, KeyFile: o.key},
		QPS:             -1,
	})
	if err != nil {
		return err
	}
	n := &node{options: o, client: client, pods: newPodTable()}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	cuttable := &cuttableListener{Listener: listener, open: map[net.Conn]struct{}{}}
	server, err := n.kubeletServer()
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(cuttable, "", "") }()

	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { failed <- http.Serve(control, n.controlAPI(cuttable)) }()

	if err := n.register(ctx, listener.Addr().(*net.TCPAddr)); err != nil {
		return fmt.Errorf("cannot register: %w", err)
	}
	if err := n.watchPods(ctx); err != nil {
		return fmt.Errorf("cannot watch pods: %w", err)
	}
	line, _ := json.Marshal(map[string]any{"control": control.Addr().(*net.TCPAddr).Port})
	fmt.Println(string(line))

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		n.pods.killAll()
		return nil
	}
}

// register creates the Node, with the address at which the API server finds the kubelet's API.
func (n *node) register(ctx context.Context, address *net.TCPAddr) error {
	object := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.name},
		Status: corev1.NodeStatus{
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address.IP.String()}},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{
				KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(address.Port)},
			},
			Conditions: []corev1.NodeCondition{{
				Type:               corev1.NodeReady,
				Status:             corev1.ConditionTrue,
				Reason:             "KubeletReady",
				LastHeartbeatTime:  metav1.Now(),
				LastTransitionTime: metav1.Now(),
			}},
			NodeInfo: corev1.NodeSystemInfo{KubeletVersion: version.Get().GitVersion},
		},
	}
	if n.webSockets {
		object.Status.DeclaredFeatures = []string{webSocketsFeature}
	}
	_, err := n.client.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{})
	return err
}

// controlAPI is for the tests.
func (n *node) controlAPI(connections *cuttableListener) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /rotate-logs", func(w http.ResponseWriter, _ *http.Request) {
		var failures error
		for _, c := range n.pods.runningContainers() {
			failures = errors.Join(failures, c.log.rotate(time.Now()))
		}
		if failures != nil {
			http.Error(w, failures.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("DELETE /", func(http.ResponseWriter, *http.Request) { connections.cut() })
	return mux
}
