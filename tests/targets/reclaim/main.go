// reclaim holds memory that it has no use for, each time for one cause, and tells
// how much. On request it does what would bring the memory back.
//
// It prints one line when it is ready, then one for every command it reads from
// standard input; see the README beside it.
package main

import (
	"bufio"
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"syscall"
	"unsafe"

	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

var (
	name = flag.String("cause", "", "the `cause` to produce")
	size = flag.Int("mib", 256, "size in `MiB`")
)

const (
	mib      = 1 << 20
	goPage   = 8192
	hugePage = 2 * mib
	small    = 128 // bytes of an object of spanPinned
)

// block is what most causes free: large, without pointers.
type block [mib]byte

type cause struct {
	name   string
	make   func() uint64 // returns the truth: bytes of the cause
	remedy func()
}

var causes = []cause{
	{"not_scavenged", notScavenged, debug.FreeOSMemory},
	{"scavenging", scavenging, debug.FreeOSMemory},
	{"pinned_by_map", pinnedByMap, rebuild},
	{"span_pinned", spanPinned, move},
	{"lazy_free", returned, discard}, // with GODEBUG=madvdontneed=0
	{"refilled", refilled, discard},
	{"huge_pages", hugePages, discard},
	{"call_failed", callFailed, unlock},
	{"will_fail", willFail, debug.FreeOSMemory},
	{"files", files, unmapFile},
	{"foreign", foreign, freeForeign},
	{"stacks", stacks, endStacks},
	{"wide", wide, nothing},
	{"mappings", mappings, nothing},
	{"reservation", reservation, nothing},
	{"churning", churning, nothing},
	{"swapped", swapped, nothing},
	{"hugetlb", hugetlb, nothing},
}

func nothing() {}

// fill allocates n blocks and writes to each of their pages.
func fill(n int) []*block {
	blocks := make([]*block, n)
	for i := range blocks {
		blocks[i] = new(block)
		for page := 0; page < mib; page += 4096 {
			blocks[i][page] = 1
		}
	}
	return blocks
}

// places of blocks that are gone: no pointers, so that they are really gone.
var places []uintptr

func note(blocks []*block) {
	for _, b := range blocks {
		places = append(places, uintptr(unsafe.Pointer(b)))
	}
	sort.Slice(places, func(i, j int) bool { return places[i] < places[j] })
}

//go:noinline
func fillAndForget() { note(fill(*size)) }

// at is memory that Go has no object in.
func at(addr uintptr) *byte { return *(**byte)(unsafe.Pointer(&addr)) }

func notScavenged() uint64 {
	fillAndForget()
	runtime.GC()
	return uint64(*size) * mib
}

// scavenging lets the heap shrink with the collector on: what is free is above the
// goal, and the scavenger sets to work.
func scavenging() uint64 {
	fillAndForget()
	debug.SetGCPercent(100)
	runtime.GC()
	runtime.GC()
	runtime.GC()
	return uint64(*size) * mib
}

func returned() uint64 {
	fillAndForget()
	debug.FreeOSMemory()
	return uint64(*size) * mib
}

func refilled() uint64 {
	returned()
	for _, p := range places {
		for page := uintptr(0); page < mib; page += 4096 {
			*at(p + page) = 1
		}
	}
	return uint64(*size) * mib
}

// hugePages touches a byte of each huge page of what was returned. The kernel
// decides: the truth is what it counts as huge.
func hugePages() uint64 {
	returned()
	for i := 0; i < len(places); {
		start := places[i]
		end := start
		for ; i < len(places) && places[i] == end; i++ {
			end += mib
		}
		start = (start + hugePage - 1) &^ (hugePage - 1)
		end &^= hugePage - 1
		if start >= end {
			continue
		}
		syscall.RawSyscall(syscall.SYS_MADVISE, start, end-start, syscall.MADV_HUGEPAGE)
		for ; start < end; start += hugePage {
			*at(start) = 1
		}
	}
	return hugeBytes()
}

func callFailed() uint64 {
	blocks := fill(*size)
	note(blocks)
	if err := syscall.Mlockall(syscall.MCL_CURRENT | syscall.MCL_FUTURE); err != nil {
		return 0
	}
	runtime.KeepAlive(blocks)
	blocks = nil
	debug.FreeOSMemory()
	runtime.ReadMemStats(&stats)
	return stats.HeapReleased // unused parts of the heap were locked, too
}

// willFail locks all memory and frees some of it, without giving it back yet.
func willFail() uint64 {
	fillAndForget()
	if syscall.Mlockall(syscall.MCL_CURRENT|syscall.MCL_FUTURE) != nil {
		return 0
	}
	runtime.GC()
	return uint64(*size) * mib
}

// discard is what the kernel does when memory is short.
func discard() {
	for _, p := range places {
		syscall.RawSyscall(syscall.SYS_MADVISE, p, mib, syscall.MADV_DONTNEED)
	}
}

func unlock() {
	syscall.Munlockall()
	discard()
}

type entry [40]byte

var sessions = map[uint64]entry{}

func pinnedByMap() uint64 {
	const left = 1000
	for i := 0; gomap.Of(sessions).Inspect().TableBytes < uint64(*size)*mib; {
		for n := 0; n < 100000; n++ {
			sessions[uint64(i)] = entry{1}
			i++
		}
	}
	for k := range sessions {
		if k >= left {
			delete(sessions, k)
		}
	}
	fresh := copied(sessions)
	// Resident or not: parts of the tables were never touched.
	bytes := gomap.Of(sessions).Inspect().TableBytes - gomap.Of(fresh).Inspect().TableBytes
	fresh = nil
	debug.FreeOSMemory()
	return bytes
}

func copied(m map[uint64]entry) map[uint64]entry {
	fresh := make(map[uint64]entry, len(m))
	for k, v := range m {
		fresh[k] = v
	}
	return fresh
}

func rebuild() {
	sessions = copied(sessions)
	debug.FreeOSMemory()
}

var kept []*[small]byte

//go:noinline
func keepOnePerSpan() (spans uint64) {
	all := make([]*[small]byte, *size*mib/small)
	for i := range all {
		all[i] = new([small]byte)
		all[i][0] = 1
	}
	seen := make(map[uintptr]bool)
	for _, p := range all {
		span := uintptr(unsafe.Pointer(p)) / goPage
		if !seen[span] {
			seen[span] = true
			kept = append(kept, p)
		}
	}
	return uint64(len(seen))
}

func spanPinned() uint64 {
	spans := keepOnePerSpan()
	debug.FreeOSMemory()
	needed := (uint64(len(kept))*small + goPage - 1) / goPage
	return (spans - needed) * goPage
}

var slab [][small]byte

// move puts the objects side by side.
func move() {
	slab = make([][small]byte, len(kept))
	for i, p := range kept {
		slab[i] = *p
	}
	kept = nil
	debug.FreeOSMemory()
}

var mapped []byte

func files() uint64 {
	f, err := os.CreateTemp("", "reclaim")
	if err != nil {
		return 0
	}
	defer f.Close()
	os.Remove(f.Name())
	f.Truncate(int64(*size) * mib)
	mapped, err = syscall.Mmap(int(f.Fd()), 0, *size*mib, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return 0
	}
	for page := 0; page < len(mapped); page += 4096 {
		mapped[page] = 1
	}
	return uint64(len(mapped))
}

func unmapFile() { syscall.Munmap(mapped) }

var (
	objects []*[1024]byte
	blocks  []*block
)

// wide has a heap of twice its resident size, half of that in small objects.
func wide() uint64 {
	objects = make([]*[1024]byte, *size*mib/2/1024)
	for i := range objects {
		objects[i] = new([1024]byte)
		objects[i][0] = 1
	}
	blocks = fill(*size / 2)
	for i := 0; i < *size; i++ {
		blocks = append(blocks, new(block)) // never touched
	}
	return uint64(*size) * mib
}

var stop = make(chan struct{})

// stacks has many goroutines whose stacks are deep; the truth is what they touched.
func stacks() uint64 {
	const each = 256 << 10
	touched := make(chan uint64)
	sum := uint64(0)
	for i := 0; i < *size*mib/each; i++ {
		go func() {
			var top byte
			deepest := deep(each * 3 / 4 / 1024)
			touched <- uint64((uintptr(unsafe.Pointer(&top))|4095)+1) - uint64(deepest&^4095)
			<-stop
		}()
		sum += <-touched
	}
	return sum
}

// deep returns where its last frame is.
//
//go:noinline
func deep(n int) uintptr {
	var frame [1000]byte
	frame[n] = 1
	if n == 0 {
		return uintptr(unsafe.Pointer(&frame))
	}
	return deep(n-1) + uintptr(frame[n]) - 1
}

func endStacks() { close(stop) }

var (
	out   jsonw.Writer
	stats runtime.MemStats
)

func render(bytes uint64) {
	out.Reset()
	runtime.ReadMemStats(&stats)
	out.Open()
	out.Bool("ready", true)
	out.Int("pid", int64(os.Getpid()))
	out.Uint("bytes", bytes)
	out.Uint("heap_idle", stats.HeapIdle)
	out.Uint("heap_released", stats.HeapReleased)
	out.Uint("stack_inuse", stats.StackInuse)
	out.Close()
}

// answer renders twice: the second time nothing is allocated, so that the figures
// still hold when they have been printed.
func answer(bytes uint64) {
	render(bytes)
	render(bytes)
	if out.Flush() != nil {
		os.Exit(1)
	}
}

func main() {
	flag.Parse()
	// Nothing is collected or given back but when we say so.
	debug.SetGCPercent(-1)
	for _, c := range causes {
		if c.name != *name {
			continue
		}
		in := bufio.NewScanner(os.Stdin)
		in.Buffer(make([]byte, 4096), 4096) // before anything is counted
		answer(c.make())
		for in.Scan() {
			switch in.Text() {
			case "remedy":
				c.remedy()
				answer(0)
			case "truth":
				answer(0)
			case "quit":
				return
			}
		}
		select {}
	}
	os.Stderr.WriteString("reclaim: no cause '" + *name + "', " + strconv.Itoa(len(causes)) + " are known\n")
	os.Exit(2)
}
