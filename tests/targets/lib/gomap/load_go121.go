//go:build go1.21 && !go1.22

package gomap

// Go 1.21 computed 8*13/16 in integers before it doubled the result, and so
// has classic maps grow at 6 entries a bucket.
const loadFactorTwice = 12
