package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// halfClosed is how long containerd serves the other direction of a forwarded connection once one has ended.
const halfClosed = time.Second

// streamingRuntime does what containerd does for the CRI's streaming server.
type streamingRuntime struct {
	pods *podTable
}

// Exec runs a command in a container, and ends it when the container ends. A client that goes away ends nothing:
// the command notices when it next reads or writes.
func (r streamingRuntime) Exec(
	_ context.Context, id string, command []string, stdin io.Reader, stdout, stderr io.WriteCloser, tty bool,
	resize <-chan remotecommand.TerminalSize,
) error {
	c, err := r.pods.runningContainer(id)
	if err != nil {
		return err
	}
	p := program{command: command, dir: c.dir, env: c.environment(), stdin: stdin != nil, tty: tty}
	// A nil pointer in an interface would not be nil.
	if stdout != nil {
		p.stdout = stdout
	}
	if stderr != nil {
		p.stderr = stderr
	}
	process, err := start(p)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-c.ended:
			process.signal(syscall.SIGKILL)
		case <-done:
		}
	}()
	if stdin != nil {
		go process.feed(stdin)
	}
	go resizeAll(process, resize)
	return process.wait()
}

// Attach connects to the program that a container runs, until the container ends or the client goes.
func (r streamingRuntime) Attach(
	_ context.Context, id string, stdin io.Reader, stdout, stderr io.WriteCloser, _ bool,
	resize <-chan remotecommand.TerminalSize,
) error {
	c, err := r.pods.runningContainer(id)
	if err != nil {
		return err
	}
	go resizeAll(c.process, resize)
	var outputs sync.WaitGroup
	if stdout != nil {
		outputs.Add(1)
		c.stdout.attach(stdout, outputs.Done)
	}
	if stderr != nil {
		outputs.Add(1)
		c.stderr.attach(stderr, outputs.Done)
	}
	if stdin != nil && c.process.stdin != nil {
		go func() {
			_, _ = io.Copy(c.process.stdin, stdin)
			if c.spec.StdinOnce && !c.spec.TTY {
				_ = c.process.stdin.Close()
				return
			}
			if stdout != nil {
				c.stdout.detach(stdout)
			}
			if stderr != nil {
				c.stderr.detach(stderr)
			}
		}()
	}
	outputs.Wait()
	return nil
}

// PortForward connects to a port of this machine, which is every pod's localhost. Like containerd, it does not pass
// on that one side has ended: both end a second later.
func (r streamingRuntime) PortForward(ctx context.Context, sandbox string, port int32, stream io.ReadWriteCloser) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("failed to connect to localhost:%d inside namespace %q: %w", port, sandbox, err)
	}
	defer conn.Close()
	copied := make(chan error, 2)
	go func() {
		_, err := io.Copy(stream, conn)
		copied <- err
	}()
	go func() {
		_, err := io.Copy(conn, stream)
		copied <- err
	}()
	first := <-copied
	select {
	case second := <-copied:
		if first == nil {
			return second
		}
	case <-time.After(halfClosed):
	}
	return first
}

func resizeAll(p *process, sizes <-chan remotecommand.TerminalSize) {
	if sizes == nil {
		return
	}
	for size := range sizes {
		p.resize(size)
	}
}
