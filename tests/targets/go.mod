module maptrace/tests/targets

go 1.19
