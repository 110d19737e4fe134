//go:build !go1.23

package main

func makeUniques(int) interface{} { return nil }
