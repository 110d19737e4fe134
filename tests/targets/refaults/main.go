// refaults gives memory back and touches it again, and counts the page faults that
// this takes: those of its one busy thread, as the kernel counts them.
//
// It prints one line when it is ready, then one for every command it reads from
// standard input; see the README beside it.
package main

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"maptrace/tests/targets/lib/jsonw"
)

const (
	mib          = 1 << 20
	dontNeed     = 4                   // MADV_DONTNEED
	noHugePages  = 15                  // MADV_NOHUGEPAGE
	rusageThread = 1                   // RUSAGE_THREAD
	mapFixed     = 0x10                // MAP_FIXED
	readWrite    = 3                   // PROT_READ | PROT_WRITE
	anonymous    = 0x02 | 0x20 | 0x4000 // MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
)

var page = uintptr(os.Getpagesize())

func must(errno syscall.Errno) {
	if errno != 0 {
		panic(errno)
	}
}

// faults of this thread so far that took no disk.
func faults() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &usage); err != nil {
		panic(err)
	}
	return usage.Minflt
}

// ---- memory of its own, page by page ----

var start, pages uintptr

func at(i uintptr) *byte {
	addr := start + i*page
	return *(**byte)(unsafe.Pointer(&addr))
}

// place maps n pages at an address, or anywhere.
func place(addr, n, flags uintptr) {
	addr, _, errno := syscall.RawSyscall6(syscall.SYS_MMAP, addr, n*page, readWrite,
		anonymous|flags, ^uintptr(0), 0)
	must(errno)
	start, pages = addr, n
	advise(0, n, noHugePages)
}

func advise(from, n, advice uintptr) {
	_, _, errno := syscall.RawSyscall(syscall.SYS_MADVISE, start+from*page, n*page, advice)
	must(errno)
}

func unmap() {
	_, _, errno := syscall.RawSyscall(syscall.SYS_MUNMAP, start, pages*page, 0)
	must(errno)
}

// touch counts the faults of nothing but the pages.
func touch(from, n uintptr) {
	before := faults()
	for i := from; i < from+n; i++ {
		*at(i) = 1
	}
	took = faults() - before
}

// warmUp has all code and stack in memory that touch needs.
func warmUp() {
	place(0, 16, 0)
	for i := 0; i < 3; i++ {
		advise(0, 16, dontNeed)
		touch(0, 16)
	}
	unmap()
}

// ---- the heap ----

var block []byte

// grow makes one large object, all of it in memory.
func grow(n uintptr) {
	before := faults()
	block = make([]byte, n*mib)
	for i := uintptr(0); i < uintptr(len(block)); i += page {
		block[i] = 1
	}
	took = faults() - before
}

func drop() {
	block = nil
	debug.FreeOSMemory()
}

func released() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapReleased
}

// scavenged drops the object and waits until the background scavenger has given back
// n MiB, at most a while.
func scavenged(n uintptr) {
	block = nil
	debug.SetGCPercent(100)
	before := released()
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if released() >= before+uint64(n)*mib {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	debug.SetGCPercent(-1)
}

// ---- commands ----

var commands = map[string]func(n []uintptr){
	"map":      func(n []uintptr) { place(0, n[0], 0) },
	"again":    func(n []uintptr) { unmap(); place(start, pages, mapFixed) },
	"over":     func(n []uintptr) { place(start, pages, mapFixed) },
	"advise":   func(n []uintptr) { advise(n[0], n[1], n[2]) },
	"touch":    func(n []uintptr) { touch(n[0], n[1]) },
	"grow":     func(n []uintptr) { grow(n[0]) },
	"drop":     func(n []uintptr) { drop() },
	"scavenge": func(n []uintptr) { scavenged(n[0]) },
	"truth":    func(n []uintptr) {},
}

// took is what the command took, if it counts.
var took int64

func do(command string) {
	words := strings.Fields(command)
	var numbers []uintptr
	for _, word := range words[1:] {
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			panic(err)
		}
		numbers = append(numbers, uintptr(n))
	}
	took = 0
	commands[words[0]](numbers)
}

func main() {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	warmUp()
	var w jsonw.Writer
	w.Open()
	w.Bool("ready", true)
	w.Close()
	w.Flush()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		do(lines.Text())
		w.Reset()
		w.Open()
		w.Int("faults", took)
		w.Int("page_bytes", int64(page))
		w.Uint("heap_released", released())
		w.Close()
		w.Flush()
	}
}
