package main

import (
	"os"
	"strings"
	"syscall"
	"unsafe"
)

const (
	page       = 4096
	pageOut    = 21 // MADV_PAGEOUT
	maxReserve = 16 << 40
)

func reserve(bytes uintptr) uintptr {
	addr, _, err := syscall.RawSyscall6(syscall.SYS_MMAP, 0, bytes, syscall.PROT_NONE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE, ^uintptr(0), 0)
	if err != 0 {
		return 0
	}
	return addr
}

func protect(addr, bytes uintptr) bool {
	_, _, err := syscall.RawSyscall(syscall.SYS_MPROTECT, addr, bytes, syscall.PROT_READ|syscall.PROT_WRITE)
	return err == 0
}

// mappings has as many mappings as the kernel allows, up to a hundred thousand;
// every other one is a page in memory. The truth is those pages.
func mappings() uint64 {
	const want = 100000
	addr := reserve(want * page)
	pages := 0
	for i := uintptr(0); i < want; i += 2 {
		if !protect(addr+i*page, page) {
			break
		}
		*at(addr + i*page) = 1
		pages++
	}
	// The runtime needs some, too.
	for i := 0; i < 200 && i < pages; i++ {
		syscall.RawSyscall(syscall.SYS_MUNMAP, addr+uintptr(2*i)*page, page, 0)
		pages--
	}
	return uint64(pages) * page
}

// reservation is a vast space of which a few pages are in memory, far apart.
func reservation() uint64 {
	const touched = 64
	addr := reserve(maxReserve)
	if addr == 0 {
		return 0
	}
	for i := uintptr(0); i < touched; i++ {
		at1 := addr + i*(maxReserve/touched)
		protect(at1, page)
		*at(at1) = 1
	}
	return touched * page
}

// churning maps, touches and unmaps without end.
func churning() uint64 {
	for i := 0; i < 2; i++ {
		go func() {
			for n := uintptr(1); ; n = n%64 + 1 {
				if addr := reserve(2 * n * page); addr != 0 && protect(addr, n*page) {
					*at(addr) = 1
					syscall.RawSyscall(syscall.SYS_MUNMAP, addr, 2*n*page, 0)
				}
			}
		}()
	}
	return 0
}

// swapped asks the kernel to write out live objects; the truth is what it did.
func swapped() uint64 {
	blocks = fill(*size)
	for _, b := range blocks {
		syscall.RawSyscall(syscall.SYS_MADVISE, uintptr(unsafe.Pointer(b)), mib, pageOut)
	}
	return statusBytes("VmSwap:")
}

// hugetlb has memory that is in no RSS.
func hugetlb() uint64 {
	const mapHugeTLB = 0x40000
	addr, _, err := syscall.RawSyscall6(syscall.SYS_MMAP, 0, 2*hugePage, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|mapHugeTLB, ^uintptr(0), 0)
	if err != 0 {
		return 0
	}
	*at(addr) = 1
	*at(addr + hugePage) = 1
	return 2 * hugePage
}

func statusBytes(key string) uint64 {
	text, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) == 3 && words[0] == key {
			kib := uint64(0)
			for _, c := range words[1] {
				kib = kib*10 + uint64(c-'0')
			}
			return kib << 10
		}
	}
	return 0
}
