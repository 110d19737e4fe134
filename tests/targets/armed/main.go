// armed has a map of two million keys. Told to `arm`, it makes a page of the map's directory, or
// of its buckets, one that a userfaultfd shall fill, and never fills it: who reads that page waits
// for ever. Told to `hide`, it makes that page one that nobody may read.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"unsafe"
)

const (
	pageSize       = 4096
	sysUserfaultfd = 323
	uffdAPI        = 0xc018aa3f
	uffdRegister   = 0xc020aa00
	modeMissing    = 1
	directoryOff   = 16 // of the pointer in the header; that to the buckets of a classic map, too
)

var (
	whole = map[int]int{}
	traps = map[string]func() error{"arm": arm, "hide": hide}
)

func call(nr, a, b, c uintptr) (uintptr, error) {
	r, _, errno := syscall.Syscall(nr, a, b, c)
	if errno != 0 {
		return 0, errno
	}
	return r, nil
}

func trapPage() uintptr {
	header := *(*unsafe.Pointer)(unsafe.Pointer(&whole))
	directory := *(*uintptr)(unsafe.Add(header, directoryOff))
	return (directory + pageSize) &^ (pageSize - 1)
}

func hide() error {
	_, err := call(syscall.SYS_MPROTECT, trapPage(), pageSize, syscall.PROT_NONE)
	return err
}

func arm() error {
	page := trapPage()
	fd, err := call(sysUserfaultfd, syscall.O_CLOEXEC, 0, 0)
	if err != nil {
		return err
	}
	api := [3]uint64{0xaa}
	if _, err := call(syscall.SYS_IOCTL, fd, uffdAPI, uintptr(unsafe.Pointer(&api))); err != nil {
		return err
	}
	reg := [4]uint64{uint64(page), pageSize, modeMissing}
	if _, err := call(syscall.SYS_IOCTL, fd, uffdRegister, uintptr(unsafe.Pointer(&reg))); err != nil {
		return err
	}
	_, err = call(syscall.SYS_MADVISE, page, pageSize, syscall.MADV_DONTNEED)
	return err
}

func main() {
	debug.SetGCPercent(-1) // nor may the collector wait
	for i := 0; i < 2000000; i++ {
		whole[i] = i
	}
	fmt.Printf("{\"ready\":true,\"pid\":%d}\n", os.Getpid())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		trap, ok := traps[in.Text()]
		if !ok {
			break
		}
		if err := trap(); err != nil {
			fmt.Printf("{\"error\":%q}\n", err)
		} else {
			fmt.Println(`{"armed":true}`)
		}
	}
}
