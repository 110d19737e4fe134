//go:build go1.21

package main

import "maps"

// clone is the runtime's own, which copies the tables as they are.
func clone[K comparable, V any](m map[K]V) map[K]V { return maps.Clone(m) }
