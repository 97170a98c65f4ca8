/* shield - keeps the memory of this process from files and from other processes of its user. */
#ifndef HOST_PLATFORM_SHIELD_H
#define HOST_PLATFORM_SHIELD_H

/*
 * No core dump of this process is written, and none but root may look into it. The limit is the
 * soft one: programs that it starts may have one of their own again, and are looked into as usual.
 * Cannot fail. [one thread yet]
 */
void shield_process(void);

#endif
