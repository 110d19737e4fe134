// Package jsonw writes flat JSON lines into a buffer that is used again.
//
// The test programs do not use encoding/json: it has maps of its own, and its
// garbage would move the very figures that are being printed.
package jsonw

import (
	"os"
	"strconv"
)

// Writer collects one line. The zero value is ready for use.
type Writer struct {
	buf   []byte
	comma bool
}

func (w *Writer) Reset() { w.buf, w.comma = w.buf[:0], false }

// Cap grows only when a line was longer than any before it.
func (w *Writer) Cap() int { return cap(w.buf) }

// Flush writes the line to standard output.
func (w *Writer) Flush() error {
	w.buf = append(w.buf, '\n')
	_, err := os.Stdout.Write(w.buf)
	return err
}

func (w *Writer) sep() {
	if w.comma {
		w.buf = append(w.buf, ',')
	}
	w.comma = true
}

func (w *Writer) key(k string) {
	w.sep()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, k...)
	w.buf = append(w.buf, '"', ':')
}

// Open starts an object, Close ends it.
func (w *Writer) Open() {
	w.sep()
	w.buf = append(w.buf, '{')
	w.comma = false
}

func (w *Writer) Close() {
	w.buf = append(w.buf, '}')
	w.comma = true
}

// OpenField starts an object as a member of one.
func (w *Writer) OpenField(k string) {
	w.key(k)
	w.buf = append(w.buf, '{')
	w.comma = false
}

// OpenArray starts an array, CloseArray ends it.
func (w *Writer) OpenArray(k string) {
	w.key(k)
	w.buf = append(w.buf, '[')
	w.comma = false
}

func (w *Writer) CloseArray() {
	w.buf = append(w.buf, ']')
	w.comma = true
}

func (w *Writer) Uint(k string, v uint64) {
	w.key(k)
	w.buf = strconv.AppendUint(w.buf, v, 10)
}

func (w *Writer) Int(k string, v int64) {
	w.key(k)
	w.buf = strconv.AppendInt(w.buf, v, 10)
}

func (w *Writer) Float(k string, v float64) {
	w.key(k)
	w.buf = strconv.AppendFloat(w.buf, v, 'f', 3, 64)
}

func (w *Writer) Bool(k string, v bool) {
	w.key(k)
	w.buf = strconv.AppendBool(w.buf, v)
}

// Addr writes an address as a string: it does not fit the numbers of JSON.
func (w *Writer) Addr(k string, v uintptr) {
	w.key(k)
	w.buf = append(w.buf, '"', '0', 'x')
	w.buf = strconv.AppendUint(w.buf, uint64(v), 16)
	w.buf = append(w.buf, '"')
}

// String writes v as it is: Go type names and our own words need no escapes
// but that of the quotes.
func (w *Writer) String(k, v string) {
	w.key(k)
	w.buf = strconv.AppendQuote(w.buf, v)
}

// Indexed writes the string name[i], without making it.
func (w *Writer) Indexed(k, name string, i int) {
	w.key(k)
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '[')
	w.buf = strconv.AppendInt(w.buf, int64(i), 10)
	w.buf = append(w.buf, ']', '"')
}
