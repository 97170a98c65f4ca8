/*
 * cuts - calls that were cut off, as their worker ended: how many, and what becomes of them if the
 * host gets it wrong on purpose, so that it can be seen that somebody notices: DAVIT_BREAK=CUT.
 */
#ifndef SIM_CUTS_H
#define SIM_CUTS_H

#include <stdbool.h>

/* False: there is no such break. */
bool cuts_choose(const char *text);

/* Prints them, one a line. */
void cuts_list(void);

#endif
