// SPDX-License-Identifier: GPL-2.0-only
/*
 * A C program that does what the Go library beside it does: PROGRAM loads
 * PROGRAM.so and calls its Run(). The library sees this program's arguments.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
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
	void *library = dlopen(path, RTLD_NOW);
	void (*run)(void) = library ? (void (*)(void))dlsym(library, "Run") : NULL;
	if (!run) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	run();
	return 0;
}
