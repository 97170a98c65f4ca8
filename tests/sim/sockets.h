/*
 * sockets - the descriptors between the daemon and its workers, which are processes of the
 * simulation (process.h): pairs of sockets and counters of events, in memory. The program is linked
 * so that whoever asks the system for them asks here; all other descriptors stay the system's.
 */
#ifndef SIM_SOCKETS_H
#define SIM_SOCKETS_H

/* A descriptor of another process for what fd is. */
int sockets_give(int fd, unsigned process);

/* Closes what a process had open. */
void sockets_close_all(unsigned process);

#endif
