// oddtypes has maps of types that take some finding: whose names are longer than any
// that people write, and which the binary lacks, as reflect has made them.
package main

import (
	"reflect"

	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/listed"
)

// Twice as long with every step, as in code that is generated.
type (
	pair[A, B any] struct{ a, b int8 }
	node[A, B any] struct{ left, right *int8 }

	p2 = pair[pair[int8, int8], pair[int8, int8]]
	p4 = pair[pair[p2, p2], pair[p2, p2]]
	p6 = pair[pair[p4, p4], pair[p4, p4]]
	p8 = pair[pair[p6, p6], pair[p6, p6]]
	n9 = node[p8, p8]
	p9 = pair[p8, p8]
)

// set makes v another value than zero.
func set(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.Int16, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Float32:
		v.SetFloat(float64(n))
	case reflect.Complex64:
		v.SetComplex(complex(float64(n), 1))
	case reflect.Ptr:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Array:
		for i := 0; i < v.Len(); i++ {
			set(v.Index(i), n)
		}
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			set(v.Field(i), n)
		}
	}
}

// addMade adds maps of a type that reflect makes, and which the binary lacks.
func addMade(name string, key, elem reflect.Type) {
	for _, n := range []int{3, 8, 400} {
		m := reflect.MakeMap(reflect.MapOf(key, elem))
		for i := 1; i <= n; i++ {
			k, e := reflect.New(key).Elem(), reflect.New(elem).Elem()
			set(k, i)
			set(e, i)
			m.SetMapIndex(k, e)
		}
		listed.Add(name, m.Interface())
	}
}

func addAllMade() {
	i16, i64 := reflect.TypeOf(int16(0)), reflect.TypeOf(int64(0))
	pointer := reflect.TypeOf(&struct{ a, b, c int }{})
	array := reflect.ArrayOf(3, reflect.TypeOf(float32(0)))
	fields := reflect.StructOf([]reflect.StructField{{Name: "A", Type: i64}, {Name: "B", Type: pointer}})

	addMade("made_complex", i16, reflect.TypeOf(complex64(0)))
	addMade("made_array", i16, array)
	addMade("made_large", i64, reflect.ArrayOf(40, i64))
	addMade("made_pointer", i64, pointer)
	addMade("made_struct", i64, fields)
	addMade("made_deep", fields, reflect.PtrTo(reflect.MapOf(array, fields)))
}

func main() {
	small, large := map[int16]p9{}, map[int16]p9{}
	pointers := map[int16]n9{}

	for i := int16(0); i < 500; i++ {
		if i < 5 {
			small[i] = p9{1, 2}
		}
		large[i] = p9{1, 2}
		pointers[i] = n9{new(int8), nil}
	}
	listed.Add("long_small", small)
	listed.Add("long_large", large)
	listed.Add("long_pointers", pointers)
	addAllMade()
	listed.Serve()
}
