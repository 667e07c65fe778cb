package main

import (
	"encoding/json"
	"net"
	"net/http"
	"sync"
)

// mergedListener accepts what each of two listeners accepts, and has the address of the first.
type mergedListener struct {
	net.Listener
	accepted chan accepted
}

type accepted struct {
	conn net.Conn
	err  error
}

func mergeListeners(first, second net.Listener) *mergedListener {
	merged := &mergedListener{Listener: first, accepted: make(chan accepted)}
	for _, listener := range []net.Listener{first, second} {
		go func() {
			for {
				conn, err := listener.Accept()
				merged.accepted <- accepted{conn, err}
				if err != nil {
					return
				}
			}
		}()
	}
	return merged
}

func (l *mergedListener) Accept() (net.Conn, error) {
	next := <-l.accepted
	return next.conn, next.err
}

// countedListener counts the connections that it accepts, and can cut those that are open.
type countedListener struct {
	net.Listener

	mu       sync.Mutex
	accepted int
	open     map[*countedConn]struct{}
}

func countConnections(listener net.Listener) *countedListener {
	return &countedListener{Listener: listener, open: map[*countedConn]struct{}{}}
}

func (l *countedListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &countedConn{Conn: accepted, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted++
	l.open[conn] = struct{}{}
	return conn, nil
}

type countedConn struct {
	net.Conn
	listener *countedListener
}

func (c *countedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// ServeHTTP says how many connections there have been and are; for DELETE it cuts them first.
func (l *countedListener) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	l.mu.Lock()
	counts := map[string]int{"accepted": l.accepted, "open": len(l.open)}
	var cut []*countedConn
	if request.Method == http.MethodDelete {
		for conn := range l.open {
			cut = append(cut, conn)
		}
	}
	l.mu.Unlock()
	for _, conn := range cut {
		_ = conn.Close()
	}
	_ = json.NewEncoder(response).Encode(counts)
}

// serveCounts answers over plain HTTP on a port of its own, which it returns.
func (l *countedListener) serveCounts() (int, error) {
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	go func() { _ = http.Serve(control, l) }()
	return control.Addr().(*net.TCPAddr).Port, nil
}
