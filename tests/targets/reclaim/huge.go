package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// hugeBytes is what the kernel counts as huge pages of this process; 0 where it
// has none.
func hugeBytes() uint64 {
	f, err := os.Open("/proc/self/smaps_rollup")
	if err != nil {
		return 0
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		words := strings.Fields(in.Text())
		if len(words) == 3 && words[0] == "AnonHugePages:" {
			kib, _ := strconv.ParseUint(words[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}
