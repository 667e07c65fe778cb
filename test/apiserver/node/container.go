package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilexec "k8s.io/utils/exec"
)

// container is one run of a container: each restart makes another.
type container struct {
	id       string
	spec     corev1.Container
	restarts int32
	dir      string
	log      *logFile
	process  *process
	// stdout and stderr go to the log and to whoever is attached.
	stdout, stderr *output
	startedAt      metav1.Time
	// ended is closed once it has ended and its log is complete; the two fields below are set then.
	ended      chan struct{}
	exitCode   int32
	finishedAt metav1.Time
}

// startContainer starts the program in the folder dir, with its log in logDir.
func startContainer(spec corev1.Container, id, dir, logDir string, restarts int32) (*container, error) {
	for _, folder := range []string{dir, logDir} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
	}
	path := func(restarts int32) string { return filepath.Join(logDir, fmt.Sprintf("%d.log", restarts)) }
	log, err := createLog(path(restarts))
	if err != nil {
		return nil, err
	}
	// Like the kubelet, it keeps the log of this run and of the one before.
	_ = os.Remove(path(restarts - 2))

	c := &container{
		id: id, spec: spec, restarts: restarts, dir: dir, log: log,
		stdout:    newOutput(&logStream{log: log, name: "stdout"}),
		stderr:    newOutput(&logStream{log: log, name: "stderr"}),
		startedAt: metav1.Now(),
		ended:     make(chan struct{}),
	}
	c.process, err = start(program{
		command: commandOf(spec),
		dir:     dir,
		env:     c.environment(),
		stdin:   spec.Stdin,
		stdout:  c.stdout,
		stderr:  c.stderr,
		tty:     spec.TTY,
	})
	if err != nil {
		log.close()
		return nil, err
	}
	go c.untilEnded()
	return c, nil
}

// commandOf is the command and its arguments; an image without a command of its own would sleep.
func commandOf(spec corev1.Container) []string {
	if command := append(append([]string{}, spec.Command...), spec.Args...); len(command) > 0 {
		return command
	}
	return []string{"sleep", "1000000"}
}

func (c *container) environment() []string {
	env := []string{"HOME=" + c.dir}
	for _, variable := range c.spec.Env {
		env = append(env, variable.Name+"="+variable.Value)
	}
	return env
}

func (c *container) untilEnded() {
	err := c.process.wait()
	c.finishedAt = metav1.Now()
	var exit utilexec.ExitError
	if errors.As(err, &exit) {
		c.exitCode = int32(exit.ExitStatus())
	}
	c.stdout.end()
	c.stderr.end()
	c.log.close()
	close(c.ended)
}

func (c *container) isRunning() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// stop asks the program to end, and kills it after the grace period.
func (c *container) stop(grace time.Duration) {
	c.process.signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(grace):
		c.process.signal(syscall.SIGKILL)
		<-c.ended
	}
}

func (c *container) state() corev1.ContainerState {
	if c.isRunning() {
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: c.startedAt}}
	}
	reason := "Completed"
	if c.exitCode != 0 {
		reason = "Error"
	}
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: c.exitCode, Reason: reason, StartedAt: c.startedAt, FinishedAt: c.finishedAt,
		ContainerID: containerURL(c.id),
	}}
}

// output copies one stream to the log and to those who are attached. Like containerd's, it waits for the slowest.
type output struct {
	log *logStream

	mu       sync.Mutex
	attached map[io.WriteCloser]func()
	hasEnded bool
}

func newOutput(log *logStream) *output {
	return &output{log: log, attached: map[io.WriteCloser]func(){}}
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = o.log.Write(text)
	for writer, detached := range o.attached {
		if _, err := writer.Write(text); err != nil {
			delete(o.attached, writer)
			detached()
		}
	}
	return len(text), nil
}

// attach copies to writer from now on, and calls detached when that ends.
func (o *output) attach(writer io.WriteCloser, detached func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hasEnded {
		detached()
		return
	}
	o.attached[writer] = detached
}

func (o *output) detach(writer io.WriteCloser) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if detached, ok := o.attached[writer]; ok {
		delete(o.attached, writer)
		detached()
	}
}

func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hasEnded = true
	o.log.end()
	for writer, detached := range o.attached {
		delete(o.attached, writer)
		detached()
	}
}
