//go:build linux && cgo

// plugged loads a plugin, its own path with .so behind it, that has maps of types which
// this program lacks. With -churn one of them changes all the time.
package main

import (
	"flag"
	"os"
	"plugin"

	"maptrace/tests/targets/lib/listed"
)

var churn = flag.Bool("churn", false, "let a map of the plugin change")

// The plugin has this type, too.
var shared = map[uint64]string{}

func call(p *plugin.Plugin, name string) {
	f, err := p.Lookup(name)
	if err != nil {
		panic(err)
	}
	f.(func())()
}

func main() {
	flag.Parse()
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	p, err := plugin.Open(exe + ".so")
	if err != nil {
		panic(err)
	}
	for i := uint64(0); i < 5; i++ {
		shared[i] = "host"
	}
	listed.Add("shared_of_host", shared)
	call(p, "Fill")
	if *churn {
		call(p, "Churn")
	}
	listed.Serve()
}
