package main

import (
	"net"
	"sync"
)

// cuttableListener can close the connections that it has accepted.
type cuttableListener struct {
	net.Listener

	mu   sync.Mutex
	open map[net.Conn]struct{}
}

func (l *cuttableListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &cuttableConn{Conn: accepted, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[conn] = struct{}{}
	return conn, nil
}

func (l *cuttableListener) cut() {
	l.mu.Lock()
	open := l.open
	l.open = map[net.Conn]struct{}{}
	l.mu.Unlock()
	for conn := range open {
		_ = conn.Close()
	}
}

type cuttableConn struct {
	net.Conn
	listener *cuttableListener
}

func (c *cuttableConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
