//go:build go1.24

package main

import (
	"runtime"
	"weak"
)

var soft weak.Pointer[node]

// What a weak pointer can bring back, and what a cleanup has.
func holdWeak() {
	apart(func() {
		soft = weak.Make(&node{m: keep("weak pointer")})
		runtime.AddCleanup(chain.next, func(m dict) { m[0]++ }, keep("cleanup"))
	})
}
