package main

import "runtime"

// AppKit runs on the thread that the process began with, and only an init
// function is sure to be on it: from here on, main is.
func init() { runtime.LockOSThread() }
