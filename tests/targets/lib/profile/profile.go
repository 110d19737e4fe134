// Package profile has a program make a CPU profile of itself: built with the tag
// of that name, it runs for some seconds, writes the profile and exits.
package profile
