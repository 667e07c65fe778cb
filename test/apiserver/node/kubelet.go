package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/httpstream/wsstream"
	"k8s.io/apimachinery/pkg/util/proxy"
	"k8s.io/apiserver/pkg/util/flushwriter"
	translator "k8s.io/apiserver/pkg/util/proxy"
	"k8s.io/client-go/util/cert"
	criapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// kubelet serves what the API server asks of a kubelet, in the way of k8s.io/kubernetes/pkg/kubelet/server: a
// request becomes one for the streaming server, and is passed on to that.
type kubelet struct {
	node      *node
	streaming streaming.Server
}

// kubeletServer makes the kubelet's server and starts the streaming server behind it.
func (n *node) kubeletServer() (*http.Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	config := streaming.DefaultConfig
	config.Addr = listener.Addr().String()
	streams, err := streaming.NewServer(config, streamingRuntime{n.pods})
	if err != nil {
		return nil, err
	}
	go func() { _ = http.Serve(listener, streams) }()
	k := &kubelet{node: n, streaming: streams}

	mux := http.NewServeMux()
	// SPDY asks with POST.
	for _, method := range []string{"GET", "POST"} {
		mux.HandleFunc(method+" /exec/{namespace}/{pod}/{container}", k.exec)
		mux.HandleFunc(method+" /attach/{namespace}/{pod}/{container}", k.attach)
		mux.HandleFunc(method+" /portForward/{namespace}/{pod}", k.portForward)
	}
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.containerLogs)

	certificate, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(n.clientCA)
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s has no certificate", n.clientCA)
	}
	return &http.Server{
		Handler: mux,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair},
			ClientCAs:    clients,
			ClientAuth:   tls.RequireAndVerifyClientCert,
		},
		ErrorLog: log.New(os.Stderr, "", 0),
	}, nil
}

// runningContainer finds the container that a request names; it answers the request itself if there is none.
func (k *kubelet) runningContainer(w http.ResponseWriter, r *http.Request) *container {
	p := k.node.pods.get(r.PathValue("namespace"), r.PathValue("pod"))
	if p == nil {
		http.Error(w, "pod does not exist", http.StatusNotFound)
		return nil
	}
	name := r.PathValue("container")
	run, _ := p.runsOf(name)
	if run == nil || !run.isRunning() {
		// The kubelet finds no container either, and has no better status for it.
		http.Error(w, fmt.Sprintf("container not found (%q)", name), http.StatusInternalServerError)
		return nil
	}
	return run
}

func (k *kubelet) exec(w http.ResponseWriter, r *http.Request) {
	c := k.runningContainer(w, r)
	if c == nil {
		return
	}
	k.stream(w, r, func(o *remotecommand.Options) (string, error) {
		response, err := k.streaming.GetExec(&runtimeapi.ExecRequest{
			ContainerId: c.id, Cmd: r.URL.Query()["command"],
			Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, Tty: o.TTY,
		})
		return response.GetUrl(), err
	})
}

func (k *kubelet) attach(w http.ResponseWriter, r *http.Request) {
	c := k.runningContainer(w, r)
	if c == nil {
		return
	}
	k.stream(w, r, func(o *remotecommand.Options) (string, error) {
		response, err := k.streaming.GetAttach(&runtimeapi.AttachRequest{
			ContainerId: c.id, Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, Tty: c.spec.TTY,
		})
		return response.GetUrl(), err
	})
}

// stream passes a request on to the URL of the streaming server that prepare gets. WebSockets of the newest
// protocol become SPDY here, if the API server has not translated them.
func (k *kubelet) stream(w http.ResponseWriter, r *http.Request, prepare func(*remotecommand.Options) (string, error)) {
	o, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	location, err := locate(prepare(o))
	if err != nil {
		_ = streaming.WriteError(err, w)
		return
	}
	if k.node.webSockets && wsstream.IsWebSocketRequestWithStreamCloseProtocol(r) {
		translator.NewStreamTranslatorHandler(location, nil, 0, translator.Options{
			Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, Tty: o.TTY,
		}).ServeHTTP(w, r)
		return
	}
	passOn(location).ServeHTTP(w, r)
}

func (k *kubelet) portForward(w http.ResponseWriter, r *http.Request) {
	p := k.node.pods.get(r.PathValue("namespace"), r.PathValue("pod"))
	if p == nil {
		http.Error(w, "pod does not exist", http.StatusNotFound)
		return
	}
	isTunnel := k.node.webSockets && wsstream.IsWebSocketRequestWithTunnelingProtocol(r)
	o := &portforward.V4Options{}
	if !isTunnel {
		var err error
		if o, err = portforward.NewV4Options(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	response, err := k.streaming.GetPortForward(&runtimeapi.PortForwardRequest{
		PodSandboxId: string(p.object.UID), Port: o.Ports,
	})
	location, err := locate(response.GetUrl(), err)
	if err != nil {
		_ = streaming.WriteError(err, w)
		return
	}
	handler := passOn(location)
	if isTunnel {
		handler = translator.NewTunnelingHandler(handler)
	}
	handler.ServeHTTP(w, r)
}

func locate(location string, err error) (*url.URL, error) {
	if err != nil {
		return nil, err
	}
	return url.Parse(location)
}

func passOn(location *url.URL) http.Handler {
	return proxy.NewUpgradeAwareHandler(location, nil, false, true, responder{})
}

type responder struct{}

func (responder) Error(w http.ResponseWriter, _ *http.Request, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

func (k *kubelet) containerLogs(w http.ResponseWriter, r *http.Request) {
	namespace, podName, name := r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
	p := k.node.pods.get(namespace, podName)
	if p == nil {
		http.Error(w, fmt.Sprintf("pod %q does not exist", podName), http.StatusNotFound)
		return
	}
	query := r.URL.Query()
	run, previous := p.runsOf(name)
	// These are the kubelet's words.
	if query.Get("previous") == "true" {
		run = previous
		if run == nil {
			text := fmt.Sprintf("previous terminated container %q in pod %q not found", name, podName)
			http.Error(w, text, http.StatusBadRequest)
			return
		}
	}
	if run == nil {
		reason := "ContainerCreating"
		if len(p.object.Spec.InitContainers) > 0 {
			reason = "PodInitializing"
		}
		text := fmt.Sprintf("container %q in pod %q is waiting to start: %s", name, podName, reason)
		http.Error(w, text, http.StatusBadRequest)
		return
	}
	o, err := logOptions(query)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Transfer-Encoding", "chunked")
	writer := flushwriter.Wrap(w)
	if err := logs.ReadLogs(r.Context(), run.log.path, run.id, o, containerStatuses{run: run}, writer, writer); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// logOptions reads what the API server has validated.
func logOptions(query url.Values) (*logs.LogOptions, error) {
	o := &logs.LogOptions{Follow: query.Get("follow") == "true", Timestamp: query.Get("timestamps") == "true"}
	number := func(name string) *int64 {
		text := query.Get(name)
		if text == "" {
			return nil
		}
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil
		}
		return &value
	}
	o.TailLines = number("tailLines")
	o.LimitBytes = number("limitBytes")
	if seconds := number("sinceSeconds"); seconds != nil {
		o.Since = time.Now().Add(-time.Duration(*seconds) * time.Second)
	}
	if text := query.Get("sinceTime"); text != "" {
		since, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, err
		}
		o.Since = since
	}
	return o, nil
}

// containerStatuses is all of the CRI that the reader of logs asks for: whether the container runs.
type containerStatuses struct {
	criapi.RuntimeService
	run *container
}

func (s containerStatuses) ContainerStatus(context.Context, string, bool) (*runtimeapi.ContainerStatusResponse, error) {
	state := runtimeapi.ContainerState_CONTAINER_EXITED
	if s.run.isRunning() {
		state = runtimeapi.ContainerState_CONTAINER_RUNNING
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{Id: s.run.id, State: state}}, nil
}
