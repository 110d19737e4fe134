//go:build !profile

package main

const profiled = false
