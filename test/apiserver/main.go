// Command apiserver is a real kube-apiserver with an etcd of its own, for the end-to-end tests.
//
// It takes kube-apiserver's own flags; --etcd-dir says where its data is, and --secure-port=0 finds a free
// port. Once /readyz is 200 it prints one line of JSON: its port and version, the port at which
// connections are counted and cut (see countedListener), and a second port of its own whose connections are
// neither. It ends when its standard input does, and so with its parent.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/version"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// graceToStop is how long the server may take to stop before the process ends regardless.
const graceToStop = 5 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go endWithParent(cancel)

	serverOptions := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("apiserver", pflag.ContinueOnError)
	etcdDir := flags.String("etcd-dir", "", "where etcd keeps its data")
	for _, set := range serverOptions.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *etcdDir == "" {
		return fmt.Errorf("--etcd-dir is missing")
	}

	etcd, err := startEtcd(*etcdDir)
	if err != nil {
		return fmt.Errorf("cannot start etcd: %w", err)
	}
	defer etcd.Close()
	serverOptions.Etcd.StorageConfig.Transport.ServerList = []string{"http://" + etcd.Clients[0].Addr().String()}

	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", serverOptions.SecureServing.BindPort))
	if err != nil {
		return err
	}
	address := listener.Addr().(*net.TCPAddr)
	counted := countConnections(listener)
	control, err := counted.serveCounts()
	if err != nil {
		return err
	}
	// The server's own requests to itself, and those of nodes, come another way, lest they be counted and cut.
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	serverOptions.SecureServing.Listener = mergeListeners(own, counted)
	serverOptions.SecureServing.BindPort = address.Port
	serverOptions.SecureServing.ExternalAddress = address.IP
	// There is one server, and no Service that leads to it.
	serverOptions.EndpointReconcilerType = "none"

	failed := make(chan error, 1)
	go func() { failed <- serve(ctx, serverOptions) }()
	go announce(ctx, address.Port, control, own.Addr().(*net.TCPAddr).Port)

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	select {
	case err = <-failed:
	case <-time.After(graceToStop):
	}
	return err
}

// endWithParent waits for the end of standard input, which comes when the parent ends, however it ends.
func endWithParent(cancel context.CancelFunc) {
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
}

func startEtcd(dir string) (*embed.Etcd, error) {
	config := embed.NewConfig()
	config.Dir = dir
	// What fails is returned; an error in the log is but a listener that was closed.
	config.LogLevel = "panic"
	config.LogOutputs = []string{"stderr"}
	// A killed process loses nothing by this; only a machine that loses its power does.
	config.UnsafeNoFsync = true
	anyPort := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config.ListenClientUrls = []url.URL{anyPort}
	config.AdvertiseClientUrls = []url.URL{anyPort}
	config.ListenPeerUrls = []url.URL{anyPort}
	config.AdvertisePeerUrls = []url.URL{anyPort}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err := <-etcd.Err():
		etcd.Close()
		return nil, err
	}
}

// serve runs kube-apiserver as its command does.
func serve(ctx context.Context, serverOptions *options.ServerRunOptions) error {
	if err := serverOptions.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	completed, err := serverOptions.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return utilerrors.NewAggregate(errs)
	}
	return app.Run(ctx, completed)
}

// announce prints where the server and its counts are, once it is ready.
func announce(ctx context.Context, port, control, uncounted int) {
	// It asks the server of its own process: there is nobody to mistake for it.
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}}
	ready := func(ctx context.Context) (bool, error) {
		response, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d/readyz", port))
		if err != nil {
			return false, nil
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK, nil
	}
	if err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, ready); err != nil {
		return
	}
	line, _ := json.Marshal(map[string]any{
		"port": port, "control": control, "uncounted": uncounted, "version": version.Get().GitVersion,
	})
	fmt.Println(string(line))
}
