/*
 * lost - objects whose jobs were lost with the database of before: they carry a label of this site,
 * and somebody adopts them.
 */
#ifndef SIM_LOST_H
#define SIM_LOST_H

#include "jobs/tracker.h"

struct daemon_parts;
struct item;

/* Is the item one? */
void lost_plan(struct item *item);

/* Makes their objects, of the site with that name. */
void lost_begin(const char *site);

/* Adopts the object of an item; done(…, item) as tracker_submit() does, but that an item which has
 * its job already is accepted. */
void lost_adopt(struct daemon_parts *d, struct item *item, tracker_accepted *done);

#endif
