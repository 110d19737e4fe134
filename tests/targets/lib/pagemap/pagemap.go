// Package pagemap tells which pages of this process are in memory.
//
// The kernel's page of zeroes, or its huge sister, is mapped where somebody read what
// nobody wrote. It is in no RSS. /proc/kpageflags knows it by the number of its frame;
// both take root.
package pagemap

import (
	"syscall"
	"unsafe"
)

const (
	pageSize = 4096
	batch    = 512

	present   = 1 << 63
	frameMask = 1<<55 - 1

	// Documentation/admin-guide/mm/pagemap.rst
	flagZeroPage = 1 << 24
)

var (
	fd      int
	flagsFd int // -1 without the right to know
	entries [batch]uint64
	flags   [1]uint64

	// The frame looked up last: mostly the page of zeroes.
	knownFrame uint64
	knownZero  bool
)

func init() {
	var err error
	if fd, err = syscall.Open("/proc/self/pagemap", syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		panic("pagemap: " + err.Error())
	}
	if flagsFd, err = syscall.Open("/proc/kpageflags", syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		flagsFd = -1
	}
}

// isZero says whether a frame is a page of zeroes.
func isZero(frame uint64) bool {
	if flagsFd < 0 || frame == 0 {
		return false
	}
	if frame != knownFrame {
		bytes := (*[8]byte)(unsafe.Pointer(&flags))[:]
		if got, err := syscall.Pread(flagsFd, bytes, int64(frame)*8); err != nil || got != 8 {
			panic("pagemap: no flags")
		}
		knownFrame, knownZero = frame, flags[0]&flagZeroPage != 0
	}
	return knownZero
}

// read fills entries with those of n pages.
func read(page uintptr, n int) {
	bytes := (*[batch * 8]byte)(unsafe.Pointer(&entries))[:n*8]
	if got, err := syscall.Pread(fd, bytes, int64(page)*8); err != nil || got != n*8 {
		panic("pagemap: short read")
	}
}

// Resident is the number of bytes of [addr, addr+size) that are in memory. It
// looks at no byte of them, and allocates nothing.
func Resident(addr, size uintptr) (sum uint64) {
	end := addr + size
	for page := addr / pageSize; page*pageSize < end; {
		n := int((end+pageSize-1)/pageSize - page)
		if n > batch {
			n = batch
		}
		read(page, n)
		for i := 0; i < n; i, page = i+1, page+1 {
			e := entries[i]
			if e&present == 0 || isZero(e&frameMask) {
				continue
			}
			from, to := page*pageSize, (page+1)*pageSize
			if from < addr {
				from = addr
			}
			if to > end {
				to = end
			}
			sum += uint64(to - from)
		}
	}
	return sum
}
