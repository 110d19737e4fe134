//go:build !cgo

package main

func foreign() uint64 { return 0 }

func freeForeign() {}
