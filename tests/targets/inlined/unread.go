package main

import "os"

// A large program has tables in its file that it hardly ever looks at; here they are 4
// MiB of a constant.
const (
	unread64    = "Nobody reads this but who looks at all of the file's pages. - - "
	unread1Ki   = unread64 + unread64 + unread64 + unread64 + unread64 + unread64 + unread64 + unread64 + unread64 + unread64 + unread64 + unread64 + unread64 + unread64 + unread64 + unread64
	unread16Ki  = unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki + unread1Ki
	unread256Ki = unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki + unread16Ki
	unread4Mi   = unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki + unread256Ki
)

// The linker keeps what the program might use.
func init() {
	if len(os.Args) > 1 {
		println(unread4Mi[len(os.Args)%len(unread4Mi):])
	}
}
