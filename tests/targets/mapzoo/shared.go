//go:build cshared

package main

import "C"

// Run is what the C program calls in place of main.
//
//export Run
func Run() { main() }
