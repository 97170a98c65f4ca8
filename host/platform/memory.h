/*
 * memory - what the C library keeps of memory that was freed. Where it cannot be told, nothing
 * happens.
 */
#ifndef HOST_PLATFORM_MEMORY_H
#define HOST_PLATFORM_MEMORY_H

/* Lets it keep little: not what one large block needed, and not for each thread anew.
 * [while there is one thread] */
void memory_keep_little(void);

/* Gives back to the system what lies free between blocks in use: work has ended for now. Those
 * who want memory meanwhile wait, a millisecond or so. [any thread] */
void memory_give_back(void);

#endif
