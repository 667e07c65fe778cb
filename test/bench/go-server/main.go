// Command bench-server answers small requests for the benchmark, faster than a server on Node: with that one, the
// server is what limits the request rate. It takes orders as the benchmark's other programs do, one line of JSON each.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
)

type argument struct {
	Cert  string            `json:"cert"`
	Key   string            `json:"key"`
	Token string            `json:"token"`
	Fixed map[string]string `json:"fixed"`
}

type counts struct {
	Handshakes int64 `json:"handshakes"`
	Requests   int64 `json:"requests"`
	Open       int64 `json:"open"`
}

var handshakes, requests, open atomic.Int64

func main() {
	var given argument
	if err := json.Unmarshal([]byte(os.Args[1]), &given); err != nil {
		log.Fatalf("Cannot read the argument: %v", err)
	}
	certificate, err := tls.X509KeyPair([]byte(given.Cert), []byte(given.Key))
	if err != nil {
		log.Fatalf("Cannot use the certificate: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatalf("Cannot listen: %v", err)
	}
	server := &http.Server{
		Handler:   handler(given),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
		// HTTP/1.1 alone, as reanchor speaks.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				open.Add(1)
				handshakes.Add(1)
			case http.StateClosed, http.StateHijacked:
				open.Add(-1)
			}
		},
	}
	go func() { log.Fatal(server.ServeTLS(listener, "", "")) }()
	obey(listener.Addr().(*net.TCPAddr).Port)
}

func handler(given argument) http.Handler {
	authorization := "Bearer " + given.Token
	bodies := map[string][]byte{}
	for path, body := range given.Fixed {
		bodies[path] = []byte(body)
	}
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		requests.Add(1)
		body, known := bodies[request.URL.Path]
		switch {
		case request.Header.Get("Authorization") != authorization:
			response.WriteHeader(http.StatusUnauthorized)
		case !known:
			response.WriteHeader(http.StatusNotFound)
		default:
			response.Header().Set("Content-Type", "application/json")
			response.Write(body)
		}
	})
}

func obey(port int) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var order struct {
			Name string `json:"name"`
		}
		if err := json.Unmarshal(lines.Bytes(), &order); err != nil {
			log.Fatalf("Cannot read the order: %v", err)
		}
		switch order.Name {
		case "port":
			answer(port)
		case "counts":
			answer(counts{handshakes.Swap(0), requests.Swap(0), open.Load()})
		default:
			fmt.Printf("{\"error\":%q}\n", "there is no such order: "+order.Name)
		}
	}
}

func answer(value any) {
	text, err := json.Marshal(map[string]any{"answer": value})
	if err != nil {
		log.Fatalf("Cannot answer: %v", err)
	}
	fmt.Println(string(text))
}
