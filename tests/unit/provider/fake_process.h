/* fake_process - what the fake of process.h does and saw. One test at a time. */
#ifndef TESTS_UNIT_PROVIDER_FAKE_PROCESS_H
#define TESTS_UNIT_PROVIDER_FAKE_PROCESS_H

#include <stdbool.h>

struct fake_process {
	/* What it shall do. */
	char log[300]; /* path of the file "log" */
	bool silent;   /* nobody listens */
	bool breaks;   /* the answer ends in the middle */
	bool endless;  /* the answer never ends */
	bool whole;    /* its first piece is all of it, and there from the start */
	/* What it saw. */
	char started[64];
	char body[64];
	int stops;
	int open; /* answers not closed */
};

extern struct fake_process fake_process;

#endif
