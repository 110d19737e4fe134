// random does to its maps whatever programs do to maps, in a sequence that a seed
// decides, and tells the truth about them whenever it stops; see the README beside
// it.
package main

import (
	"bufio"
	"flag"
	"os"
	"runtime"
	"strconv"

	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
	"maptrace/tests/targets/lib/truth"
)

var (
	seed   = flag.Uint64("seed", 1, "the `number` that decides what happens")
	copies = flag.Int("copies", 6, "maps of each type")
	steps  = flag.Int("steps", 1000, "operations a round, each of up to thousands of keys")
)

// chance is a generator of its own: a sequence must be the same in every version.
type chance struct{ state uint64 }

// below returns a number of [0, n).
func (c *chance) below(n int) int {
	c.state += 0x9e3779b97f4a7c15
	z := c.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) >> 1 % uint64(n))
}

// some returns a number of keys: mostly few, at times thousands.
func (c *chance) some() int { return c.below(1 << c.below(14)) }

var (
	dice      chance
	variables []anyMap
	w         jsonw.Writer
)

func round() {
	for i := 0; i < *steps && len(variables) > 0; i++ {
		variables[dice.below(len(variables))].step()
	}
	// What was dropped is gone, in use or not.
	runtime.GC()
	runtime.GC()
}

func print() {
	w.Reset()
	w.Open()
	w.String("go", runtime.Version())
	w.String("kind", gomap.Kind)
	w.OpenArray("maps")
	for i, m := range variables {
		if m.of().Addr() != 0 {
			truth.Map(&w, "random", i, m.typeName(), m.of(), true)
		}
	}
	w.CloseArray()
	w.OpenArray("variables")
	for i, m := range variables {
		w.Open()
		w.Indexed("name", "random", i)
		w.Int("made", int64(m.made()))
		w.Close()
	}
	w.CloseArray()
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
}

func main() {
	flag.Parse()
	dice.state = *seed
	for i := 0; i < *copies; i++ {
		variables = append(variables, makeMaps()...)
	}
	round()

	w.Open()
	w.Bool("ready", true)
	w.Int("pid", int64(os.Getpid()))
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch in.Text() {
		case "truth":
		case "round":
			round()
		default:
			os.Stderr.WriteString("random: unknown command " + strconv.Quote(in.Text()) + "\n")
			os.Exit(2)
		}
		print()
	}
	runtime.KeepAlive(variables)
}
