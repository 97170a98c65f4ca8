/*
 * wipe - libcurl overwrites what it frees: requests and answers may hold secrets, and it copies
 * them about. What its library for HTTP/2 copies is out of reach.
 */
#ifndef HOST_NET_WIPE_H
#define HOST_NET_WIPE_H

#include <stdbool.h>

/* Begins to use libcurl, for the whole process; before anybody else does. False: out of memory. */
bool wipe_curl(void);

#endif
