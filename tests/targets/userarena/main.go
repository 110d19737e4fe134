// userarena allocates from user arenas (variant `arenas`): with -many arenas come and
// go, else one stays. It prints a line when it is ready, and ends with its input.
package main

import (
	"arena"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

type object struct {
	a, b *int
	n    [100]int
}

var (
	many = flag.Bool("many", false, "free the arenas, make others")
	keep []*object
	m    = map[int]string{}
)

func fill() *arena.Arena {
	a := arena.NewArena()
	for i := 0; i < 20000; i++ {
		keep = append(keep, arena.New[object](a))
	}
	return a
}

func main() {
	flag.Parse()
	for i := 0; i < 1000; i++ {
		m[i] = fmt.Sprint(i)
	}
	a := fill()
	go func() {
		for *many {
			keep = nil
			a.Free()
			time.Sleep(10 * time.Millisecond)
			a = fill()
		}
	}()
	fmt.Println(`{"ready":true}`)
	io.Copy(io.Discard, os.Stdin)
}
