//go:build go1.27

package gomap

import "unsafe"

// mapType is internal/abi.MapType since Go 1.27, which can describe groups
// with all keys before all elems.
type mapType struct {
	rtype
	_         *rtype // key
	_         *rtype // elem
	group     *rtype
	_         unsafe.Pointer
	groupSize uintptr
	_         [5]uintptr // where keys and elems are
	flags     uint32
}
