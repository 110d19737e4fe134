//go:build profile

package profile

import (
	"os"
	"runtime/pprof"
	"time"
)

const length = 3 * time.Second

func check(err error) {
	if err != nil {
		os.Stderr.WriteString("profile: " + err.Error() + "\n")
		os.Exit(1)
	}
}

func init() {
	f, err := os.Create(os.Getenv("MAPTRACE_CPU_PROFILE"))
	check(err)
	check(pprof.StartCPUProfile(f))
	time.AfterFunc(length, func() {
		pprof.StopCPUProfile()
		check(f.Close())
		os.Exit(0)
	})
}
