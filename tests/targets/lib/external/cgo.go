//go:build cgo

package external

import _ "runtime/cgo"
