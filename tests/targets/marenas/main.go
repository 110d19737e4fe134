// marenas lets C allocate and free in threads: what it freed stays in glibc's arenas
// (variant cgo-external). On `trim` it calls malloc_trim(3); it answers with the RSS
// that the kernel counts.
package main

/*
#include <malloc.h>
#include <stdlib.h>

static void *volatile kept[64];

static void work(int i)
{
	enum { N = 20000 };
	char *volatile *p = malloc(N * sizeof(*p));

	for (int k = 0; k < N; k++) {
		p[k] = malloc(1000);
		for (int b = 0; b < 1000; b += 64)
			((volatile char *)p[k])[b] = 1;
	}
	kept[i] = malloc(100);
	for (int k = 0; k < N; k++)
		free(p[k]);
	free((void *)p);
}
*/
import "C"

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
)

func rss() string {
	b, _ := os.ReadFile("/proc/self/smaps_rollup")
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Rss:" {
			return f[1] + "000"
		}
	}
	return "null"
}

func main() {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := 0; i < 6; i++ {
		wg.Add(1)
		go func(i int) {
			runtime.LockOSThread()
			<-gate
			C.work(C.int(i))
			wg.Done()
			select {}
		}(i)
	}
	close(gate)
	wg.Wait()
	fmt.Println(`{"ready":true}`)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "trim" {
			C.malloc_trim(0)
		}
		fmt.Println(`{"rss":` + rss() + `}`)
	}
}
