/*
 * kept - what the daemon told providers and clients to be on disk, and no other check would miss: a
 * checkpoint, a pair of a provider.
 */
#ifndef SIM_KEPT_H
#define SIM_KEPT_H

struct daemon_parts;

/* After a daemon ended, before the next one starts. */
void kept_check(struct daemon_parts *d);

#endif
