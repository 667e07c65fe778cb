//go:build !linux

package main

import "syscall"

// dieWithParent has no means here: what a killed node leaves ends when it next reads or writes.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{}
}
