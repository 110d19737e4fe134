//go:build go1.21

package main

import (
	"maps"
	"reflect"
)

const hasCloneAndClear = true

func clearByReflect(m any) { reflect.ValueOf(m).Clear() }

func clone(m map[uint64]uint64) any { return maps.Clone(m) }
