//go:build !go1.22

package gomap

const mallocHeaders = false
