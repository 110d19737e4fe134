//go:build !go1.21 || go1.22

package gomap

const loadFactorTwice = 13
