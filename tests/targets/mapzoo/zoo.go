package main

import "maptrace/tests/targets/lib/gomap"

// resident is one map of the zoo, or many of one kind. It must not hold maps
// itself, only point at the variables that do: what keeps a map alive is part
// of the truth.
type resident interface {
	called(name string) bool // and can be changed
	each(t *zooTruth)        // print a row for every map
	rebuild()                // copy into a fresh map, and drop the old one
	clear()
	burst(n int) // insert n new keys
}

var zoo []resident

func find(name string) resident {
	for _, m := range zoo {
		if m.called(name) {
			return m
		}
	}
	return nil
}

// single is a map in a package-level variable.
type single[K comparable, V any] struct {
	name  string
	typ   string
	where *map[K]V
	entry func(i int) (K, V)
	next  int // entry numbers from here on are unused
}

// add registers the map in *where, of which entries below next may be in use.
func add[K comparable, V any](name string, where *map[K]V, entry func(i int) (K, V), next int) {
	zoo = append(zoo, &single[K, V]{name, gomap.TypeName(*where), where, entry, next})
}

// fill makes the map, without a size, registers it and inserts n entries.
func fill[K comparable, V any](name string, where *map[K]V, entry func(i int) (K, V), n int) {
	*where = make(map[K]V)
	for i := 0; i < n; i++ {
		k, v := entry(i)
		(*where)[k] = v
	}
	add(name, where, entry, n)
}

func (s *single[K, V]) called(name string) bool { return s.name == name }

func (s *single[K, V]) each(t *zooTruth) {
	t.row(s.name, -1, s.typ, gomap.Of(*s.where), true)
}

func (s *single[K, V]) rebuild() {
	fresh := make(map[K]V, len(*s.where))
	for k, v := range *s.where {
		fresh[k] = v
	}
	*s.where = fresh
}

func (s *single[K, V]) clear() {
	for k := range *s.where {
		delete(*s.where, k)
	}
}

func (s *single[K, V]) burst(n int) {
	for ; n > 0; n-- {
		k, v := s.entry(s.next)
		(*s.where)[k] = v
		s.next++
	}
}

// fixed is for residents that only tell about themselves.
type fixed struct{}

func (fixed) called(string) bool { return false }
func (fixed) rebuild()           {}
func (fixed) clear()             {}
func (fixed) burst(int)          {}

// many is a package-level slice of maps.
type many[K comparable, V any] struct {
	fixed
	name string
	typ  string
	in   *[]map[K]V
}

func addMany[K comparable, V any](name string, in *[]map[K]V) {
	var none map[K]V
	zoo = append(zoo, &many[K, V]{name: name, typ: gomap.TypeName(none), in: in})
}

func (s *many[K, V]) each(t *zooTruth) {
	for i, m := range *s.in {
		t.row(s.name, i, s.typ, gomap.Of(m), true)
	}
}

// inner is the maps that another map holds.
type inner[K, L comparable, V any] struct {
	fixed
	name  string
	typ   string
	outer *map[K]map[L]V
}

func addInner[K, L comparable, V any](name string, outer *map[K]map[L]V) {
	var none map[L]V
	zoo = append(zoo, &inner[K, L, V]{name: name, typ: gomap.TypeName(none), outer: outer})
}

// each numbers the maps as they come, which is another way each time.
func (s *inner[K, L, V]) each(t *zooTruth) {
	i := 0
	for _, m := range *s.outer {
		t.row(s.name, i, s.typ, gomap.Of(m), true)
		i++
	}
}

// viewed is a map whose type the type parameters above cannot name.
type viewed struct {
	fixed
	name string
	typ  string
	view func() any
}

func addView(name string, view func() any) {
	zoo = append(zoo, &viewed{name: name, typ: gomap.TypeName(view()), view: view})
}

func (s *viewed) each(t *zooTruth) {
	t.row(s.name, -1, s.typ, gomap.Of(s.view()), true)
}

// onStack is a map whose header is in the frame of a sleeping goroutine, the
// only one that may look at it.
type onStack struct {
	fixed
	name string
	typ  string
	ask  chan *zooTruth
	told chan struct{}
}

func (s *onStack) each(t *zooTruth) {
	s.ask <- t
	<-s.told
}
