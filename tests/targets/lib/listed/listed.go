// Package listed is the rest of a program that makes some maps and tells about them.
package listed

import (
	"bufio"
	"os"
	"runtime"

	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
	"maptrace/tests/targets/lib/truth"
)

var list []struct {
	name, typ string
	m         any
}

// Add keeps a map of any type.
func Add(name string, m any) {
	list = append(list, struct {
		name, typ string
		m         any
	}{name, gomap.TypeName(m), m})
}

// Serve prints the ready line, and the truth for every line of input.
func Serve() {
	var w jsonw.Writer

	runtime.GC()
	runtime.GC()
	w.Open()
	w.Bool("ready", true)
	w.Int("pid", int64(os.Getpid()))
	w.Close()
	w.Flush()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		w.Reset()
		w.Open()
		w.OpenArray("maps")
		for _, e := range list {
			truth.Map(&w, e.name, -1, e.typ, gomap.Of(e.m), true)
		}
		w.CloseArray()
		w.Close()
		w.Flush()
	}
}
