// Package pagemap tells which pages of this process are in memory.
//
// It knows the kernel's page of zeroes by the number of its frame, which takes
// root: that page is in no RSS, and mapped where somebody read what nobody wrote.
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
)

var (
	fd        int
	zeroFrame uint64 // 0 without the right to know
	entries   [batch]uint64
)

func init() {
	var err error
	if fd, err = syscall.Open("/proc/self/pagemap", syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		panic("pagemap: " + err.Error())
	}
	page, err := syscall.Mmap(-1, 0, pageSize, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		panic("pagemap: " + err.Error())
	}
	if page[0] == 0 {
		read(uintptr(unsafe.Pointer(&page[0]))/pageSize, 1)
	}
	zeroFrame = entries[0] & frameMask
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
			if e&present == 0 || (zeroFrame != 0 && e&frameMask == zeroFrame) {
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
