//go:build !go1.21

package main

func clone[K comparable, V any](m map[K]V) map[K]V {
	fresh := make(map[K]V)
	for k, v := range m {
		fresh[k] = v
	}
	return fresh
}
