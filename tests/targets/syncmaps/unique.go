//go:build go1.23

package main

import (
	"strconv"
	"unique"
)

func makeUniques(n int) interface{} {
	all := make([]unique.Handle[string], n)
	for i := range all {
		all[i] = unique.Make("unique-" + strconv.Itoa(i))
	}
	return all
}
