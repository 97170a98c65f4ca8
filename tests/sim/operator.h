/*
 * operator - the person who decides about jobs of which nobody knows what their submission did. A
 * wise one looks at the cloud first; a hasty one does anything.
 */
#ifndef SIM_OPERATOR_H
#define SIM_OPERATOR_H

struct daemon_parts;

enum operator_sort {
	OPERATOR_NONE, /* what is parked stays so */
	OPERATOR_WISE,
	OPERATOR_HASTY /* until the calm; then wise */
};

/* One turn: decides about what is parked now. [the life's own thread] */
void operator_look(struct daemon_parts *d);

#endif
