// SPDX-License-Identifier: GPL-2.0-only
/*
 * A C program that does what the Go library beside it does: PROGRAM loads
 * PROGRAM.so and calls its Run(). The library sees this program's arguments. HOST_ALSO is
 * a library to load first, which is enough for one that is written in Go to run.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof(".so"));

	if (len < 0) {
		perror("/proc/self/exe");
		return 1;
	}
	strcpy(path + len, ".so");
	const char *also = getenv("HOST_ALSO");
	if (also && !dlopen(also, RTLD_NOW)) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	void *library = dlopen(path, RTLD_NOW);
	void (*run)(void) = library ? (void (*)(void))dlsym(library, "Run") : NULL;
	if (!run) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	run();
	return 0;
}
