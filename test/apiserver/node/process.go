package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/creack/pty"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// killedBySignal is added to a signal's number for the exit code of what it ended, as shells and runc do.
const killedBySignal = 128

// program is what a process runs, and what it is connected to. What is nil is /dev/null.
type program struct {
	command        []string
	dir            string
	env            []string
	stdin          bool
	stdout, stderr io.Writer
	// tty connects all of them to a terminal, whose output goes to stdout.
	tty bool
}

// process is a program that runs, in a process group of its own.
type process struct {
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	terminal *os.File
	// copied is closed once all output of the terminal has been copied.
	copied chan struct{}
}

// starts is read by a goroutine that never leaves its thread: the kernel ends a process whose death signal is set
// when the thread ends that started it.
var starts = make(chan func())

func init() {
	go func() {
		runtime.LockOSThread()
		for start := range starts {
			start()
		}
	}()
}

func start(p program) (*process, error) {
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), p.env...)
	if err := findProgram(cmd); err != nil {
		return nil, err
	}
	cmd.SysProcAttr = dieWithParent()
	result := &process{cmd: cmd, copied: make(chan struct{})}
	started := make(chan error)
	if p.tty {
		starts <- func() {
			var err error
			result.terminal, err = pty.Start(cmd)
			started <- err
		}
		if err := <-started; err != nil {
			return nil, err
		}
		result.stdin = result.terminal
		go result.copyTerminal(p.stdout)
		return result, nil
	}

	close(result.copied)
	cmd.SysProcAttr.Setpgid = true
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	if p.stdin {
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		result.stdin = stdin
	}
	starts <- func() { started <- cmd.Start() }
	return result, <-started
}

// findProgram looks for the program on the PATH that it is given, as runc does, and not on that of this process.
func findProgram(cmd *exec.Cmd) error {
	name := cmd.Args[0]
	if strings.Contains(name, "/") {
		return nil
	}
	path := ""
	for _, variable := range cmd.Env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			path = value
		}
	}
	for _, folder := range filepath.SplitList(path) {
		found, err := exec.LookPath(filepath.Join(folder, name))
		if err == nil {
			cmd.Path, cmd.Err = found, nil
			return nil
		}
	}
	return &exec.Error{Name: name, Err: exec.ErrNotFound}
}

func (p *process) copyTerminal(stdout io.Writer) {
	defer close(p.copied)
	if stdout == nil {
		stdout = io.Discard
	}
	// It ends with an error once no process has the terminal open. If the reader has gone, the terminal hangs up.
	_, _ = io.Copy(stdout, p.terminal)
	_ = p.terminal.Close()
}

// feed copies to the program's standard input, and then ends it; a terminal has no end.
func (p *process) feed(stdin io.Reader) {
	_, _ = io.Copy(p.stdin, stdin)
	if p.terminal == nil {
		_ = p.stdin.Close()
	}
}

func (p *process) resize(size remotecommand.TerminalSize) {
	if p.terminal != nil {
		_ = pty.Setsize(p.terminal, &pty.Winsize{Rows: size.Height, Cols: size.Width})
	}
}

// wait returns once the program has ended and all of its output has been taken. It returns nil or an
// [utilexec.ExitError] for a program that has ended by itself or by a signal.
func (p *process) wait() error {
	err := p.cmd.Wait()
	<-p.copied
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	code := exit.ExitCode()
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = killedBySignal + int(status.Signal())
	}
	return utilexec.CodeExitError{Err: err, Code: code}
}

// signal sends a signal to the program and to all that it has started in its group.
func (p *process) signal(signal syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, signal)
}
