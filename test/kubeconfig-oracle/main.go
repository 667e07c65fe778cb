// Says what client-go makes of kubeconfigs: one case a line of JSON on standard input, one answer a line on
// standard output.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/plugin/pkg/client/auth/exec"
	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

type input struct {
	// Kubeconfig is the value of $KUBECONFIG; empty for the one explicit path.
	Kubeconfig string `json:"kubeconfig"`
	Path       string `json:"path"`
	Context    string `json:"context"`
	Cluster    string `json:"cluster"`
	User       string `json:"user"`
	Namespace  string `json:"namespace"`
}

type answer struct {
	// Error is why there is no config, or why no request can be made by it.
	Error string `json:"error,omitempty"`
	// Empty is whether kubectl would go on to the pod's identity.
	Empty     bool   `json:"empty,omitempty"`
	Server    string `json:"server,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// CA is the bundle as it is given, in base64.
	CA                 string `json:"ca,omitempty"`
	Insecure           bool   `json:"insecure,omitempty"`
	ServerName         string `json:"serverName,omitempty"`
	Proxy              string `json:"proxy,omitempty"`
	DisableCompression bool   `json:"disableCompression,omitempty"`
	Certificate        string `json:"certificate,omitempty"`
	Key                string `json:"key,omitempty"`
	// Exec is the command of the plugin that is run.
	Exec string `json:"exec,omitempty"`
	// Headers are those of a request that say who asks.
	Headers map[string][]string `json:"headers,omitempty"`
}

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		var in input
		if err == nil {
			err = json.Unmarshal(line, &in)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(resolve(in)); err != nil {
			os.Exit(1)
		}
		if err := out.Flush(); err != nil {
			os.Exit(1)
		}
	}
}

// The rules are those of kubectl's `genericclioptions.ConfigFlags`.
func resolve(in input) answer {
	rules := &clientcmd.ClientConfigLoadingRules{
		ExplicitPath:        in.Path,
		DefaultClientConfig: &clientcmd.DefaultClientConfig,
	}
	if in.Path == "" {
		rules.Precedence = filepath.SplitList(in.Kubeconfig)
	}
	overrides := &clientcmd.ConfigOverrides{
		CurrentContext: in.Context,
		Context:        api.Context{Cluster: in.Cluster, AuthInfo: in.User, Namespace: in.Namespace},
	}
	loaded := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	config, err := loaded.ClientConfig()
	if err != nil {
		return answer{Error: err.Error(), Empty: clientcmd.IsEmptyConfig(err)}
	}
	result, err := describe(config)
	if err != nil {
		return answer{Error: err.Error()}
	}
	result.Namespace, _, err = loaded.Namespace()
	if err != nil {
		return answer{Error: err.Error()}
	}
	return result
}

func describe(config *rest.Config) (answer, error) {
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return answer{}, err
	}
	result := answer{
		Server:             server.String(),
		Insecure:           config.Insecure,
		ServerName:         config.ServerName,
		DisableCompression: config.DisableCompression,
	}
	if config.Proxy != nil {
		proxy, err := config.Proxy(&http.Request{URL: &url.URL{}})
		if err != nil {
			return answer{}, err
		}
		result.Proxy = proxy.String()
	}
	transportConfig, err := config.TransportConfig()
	if err != nil {
		return answer{}, err
	}
	// Also reads the files.
	if _, err := rest.TLSConfigFor(config); err != nil {
		return answer{}, err
	}
	if config.ExecProvider != nil {
		if _, err := exec.GetAuthenticator(config.ExecProvider, nil); err != nil {
			return answer{}, err
		}
		isStatic := transportConfig.HasTokenAuth() || transportConfig.HasBasicAuth() || transportConfig.HasCertAuth()
		if !isStatic {
			result.Exec = config.ExecProvider.Command
		}
	}
	for _, part := range []struct {
		data []byte
		file string
		to   *string
	}{
		{config.CAData, config.CAFile, &result.CA},
		{config.CertData, config.CertFile, &result.Certificate},
		{config.KeyData, config.KeyFile, &result.Key},
	} {
		data := part.data
		if len(data) == 0 && part.file != "" {
			if data, err = os.ReadFile(part.file); err != nil {
				return answer{}, err
			}
		}
		*part.to = base64.StdEncoding.EncodeToString(data)
	}
	result.Headers, err = headers(config)
	return result, err
}

type recorder struct{ seen http.Header }

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	r.seen = request.Header
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: request}, nil
}

// Runs the exec plugin, where there is one.
func headers(config *rest.Config) (map[string][]string, error) {
	recorder := &recorder{}
	wrapped, err := rest.HTTPWrappersForConfig(config, recorder)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodGet, "https://api.example/", nil)
	if err != nil {
		return nil, err
	}
	if _, err := wrapped.RoundTrip(request); err != nil {
		return nil, err
	}
	kept := map[string][]string{}
	for name, values := range recorder.seen {
		name = strings.ToLower(name)
		if name == "authorization" || strings.HasPrefix(name, "impersonate-") {
			kept[name] = values
		}
	}
	return kept, nil
}
