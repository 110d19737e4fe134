//go:build !go1.21

package main

const hasCloneAndClear = false

func clearByReflect(map[uint64]uint64) {}

func clone(m map[uint64]uint64) any { return m }
