// mapzoo builds maps of many shapes and tells the truth about them.
//
// It prints one line when it is ready, then one line of JSON for every command
// it reads from standard input; see the README beside it.
package main

import (
	"bufio"
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/jsonw"
	_ "maptrace/tests/targets/lib/profile"
)

var (
	scale     = flag.Float64("n", 1, "scale the number of entries by `factor`")
	scenarios = flag.String("scenario", "", "comma separated `names`; default: all but the large ones; all: all")
	exitOnEOF = flag.Bool("exit-on-eof", false, "exit when standard input ends, instead of sleeping on")
	list      = flag.Bool("list", false, "list the scenarios and exit")
)

// scaled returns n entries at the scale asked for, but at least one.
func scaled(n int) int {
	if n = int(float64(n) * *scale); n < 1 {
		n = 1
	}
	return n
}

func die(message string) {
	os.Stderr.WriteString("mapzoo: " + message + "\n")
	os.Exit(2)
}

func build() {
	wanted := strings.Split(*scenarios, ",")
	for _, s := range scenarioTable {
		chosen := *scenarios == "all" || (*scenarios == "" && !s.large)
		for i, name := range wanted {
			if name == s.name {
				chosen, wanted[i] = true, ""
			}
		}
		if chosen {
			s.build()
		}
	}
	for _, name := range wanted {
		if name != "" && name != "all" {
			die("no scenario '" + name + "' (try -list)")
		}
	}
}

// command runs one line of input and prints what comes of it: the truth, or
// why not.
func command(t *zooTruth, line string) {
	words := strings.Fields(line)
	verb, name, count := "", "", 0
	for i, w := range words {
		switch i {
		case 0:
			verb = w
		case 1:
			name = w
		case 2:
			count, _ = strconv.Atoi(w)
		}
	}

	switch verb {
	case "truth":
	case "quit":
		os.Exit(0)
	case "freeos":
		debug.FreeOSMemory()
	case "rebuild", "clear", "burst":
		m := find(name)
		if m == nil {
			t.fail("no such map, or one of many")
			return
		}
		switch verb {
		case "rebuild":
			m.rebuild()
			runtime.GC()
			runtime.GC()
		case "clear":
			m.clear()
		case "burst":
			m.burst(count)
		}
	default:
		t.fail("unknown command")
		return
	}
	t.print()
}

func main() {
	flag.Parse()
	if *list {
		for _, s := range scenarioTable {
			os.Stdout.WriteString(s.name + "\n")
		}
		return
	}
	build()

	// Let the buffers reach their size first, so that the garbage of that is
	// gone too and answering allocates nothing that counts.
	t := newTruth()
	t.render()
	runtime.GC()
	runtime.GC()

	var ready jsonw.Writer
	ready.Open()
	ready.Bool("ready", true)
	ready.Int("pid", int64(os.Getpid()))
	ready.Close()
	if ready.Flush() != nil {
		os.Exit(1)
	}

	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		command(t, in.Text())
	}
	for !*exitOnEOF {
		time.Sleep(time.Hour)
	}
	keepAlive()
}
