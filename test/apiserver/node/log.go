package main

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"
)

// maxLogLine is where containerd splits a line.
const maxLogLine = 16 * 1024

// logFile is a container's log in the format of the CRI: a time, a stream, F for a full line or P for a part of
// one, and the text.
type logFile struct {
	path string

	mu   sync.Mutex
	file *os.File
}

func createLog(path string) (*logFile, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &logFile{path: path, file: file}, nil
}

// rotate renames the file and begins another, as the kubelet and containerd do between them.
func (l *logFile) rotate(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := os.Rename(l.path, l.path+"."+now.Format("20060102-150405")); err != nil {
		return err
	}
	file, err := os.Create(l.path)
	if err != nil {
		return err
	}
	_ = l.file.Close()
	l.file = file
	return nil
}

func (l *logFile) write(stream, tag string, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintf(l.file, "%s %s %s %s\n", time.Now().UTC().Format(time.RFC3339Nano), stream, tag, text)
}

func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.file.Close()
}

// logStream is one of a container's two streams on its way to the log.
type logStream struct {
	log    *logFile
	name   string
	unread []byte
}

func (s *logStream) Write(bytesOf []byte) (int, error) {
	s.unread = append(s.unread, bytesOf...)
	for {
		end := bytes.IndexByte(s.unread, '\n')
		switch {
		case end >= 0 && end <= maxLogLine:
			s.log.write(s.name, "F", s.unread[:end])
			s.unread = s.unread[end+1:]
		case len(s.unread) > maxLogLine:
			s.log.write(s.name, "P", s.unread[:maxLogLine])
			s.unread = s.unread[maxLogLine:]
		default:
			return len(bytesOf), nil
		}
	}
}

// end writes what has no line's end.
func (s *logStream) end() {
	if len(s.unread) > 0 {
		s.log.write(s.name, "P", s.unread)
	}
}
