//go:build go1.24

package gomap

// clearSeq is a field that Go 1.24 added to hmap.
type clearSeq uint64
