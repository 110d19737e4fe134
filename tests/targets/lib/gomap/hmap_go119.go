//go:build !go1.24

package gomap

type clearSeq struct{}
