// Package external brings in cgo's runtime when cgo is enabled, so that a
// program linked by gcc starts its threads as real ones do. Go 1.19 would link
// it without.
package external
