//go:build !go1.27 && (go1.26 || (go1.24 && goexperiment.swissmap))

package gomap

import "unsafe"

// mapType is internal/abi.SwissMapType, renamed MapType in Go 1.26.
type mapType struct {
	rtype
	_         *rtype // key
	_         *rtype // elem
	group     *rtype
	_         unsafe.Pointer
	groupSize uintptr
	_         uintptr // slot size
	_         uintptr // elem offset
	flags     uint32
}
