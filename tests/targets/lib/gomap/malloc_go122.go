//go:build go1.22

package gomap

// mallocHeaders: small objects with pointers may have a type header.
const mallocHeaders = true
